//! The same answer for every open conflict below a folder: which folder, which answer, one run.

use std::collections::BTreeMap;

use ubos_core::conflict::{Choice, Conflict, ConflictKind};
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::sides::Side;

use super::merge::{fitting, merged};
use super::session::{Session, Step, ended};
use super::words::{self, Applied, End};
use crate::commands::conflicts::Open;
use crate::failure::Failure;
use crate::render::actions::can_keep_both;
use crate::render::units::plural;
use crate::ui::Tone;
use crate::ui::prompt::Answer;
use crate::ui::sanitize::one_line;

/// What is wanted for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Take(Side),
    Both,
    Merge,
    Leave,
    Skip,
}

/// A folder above the conflict, and the open conflicts in it.
struct Level<'o> {
    name: String,
    conflicts: Vec<&'o Conflict>,
}

/// Asks for folder and answer, and carries it out.
pub(super) fn ask(
    session: &mut Session<'_>,
    conflict: &Conflict,
    open: &Open,
) -> Result<Step, Failure> {
    let levels = levels(conflict, open);
    let level = match choose_level(session, &levels)? {
        Ok(Some(level)) => level,
        Ok(None) => return Ok(Step::Again),
        Err(end) => return Ok(Step::End(end)),
    };
    let wish = match choose_answer(session, level, open)? {
        Ok(Some(wish)) => wish,
        Ok(None) => return Ok(Step::Again),
        Err(end) => return Ok(Step::End(end)),
    };
    carry_out(session, level, wish, open)
}

/// The folders above `conflict`, the nearest first, those with the same conflicts only once.
fn levels<'o>(conflict: &Conflict, open: &'o Open) -> Vec<Level<'o>> {
    let mut levels: Vec<Level<'o>> = Vec::new();
    let mut add = |name: String, conflicts: Vec<&'o Conflict>| {
        if levels.last().is_none_or(|last| last.conflicts.len() < conflicts.len()) {
            levels.push(Level { name, conflicts });
        }
    };
    let mut folder = conflict.path.parent();
    while let Some(above) = folder {
        let within = open.conflicts.iter().filter(|c| c.path.is_below(&above)).collect();
        add(format!("{}/", one_line(&above.to_string())), within);
        folder = above.parent();
    }
    add("everything".to_owned(), open.conflicts.iter().collect());
    levels
}

fn choose_level<'l, 'o>(
    session: &Session<'_>,
    levels: &'l [Level<'o>],
) -> Result<Result<Option<&'l Level<'o>>, End>, Failure> {
    if let [only] = levels {
        return Ok(Ok(Some(only)));
    }
    let mut text = String::from("\nThe same answer for which folder?\n");
    for (number, level) in (1..).zip(levels) {
        let count = plural(level.conflicts.len(), "open conflict");
        text.push_str(&format!("  {number}. {}  ({count})\n", level.name));
    }
    session.ui.answer(&text)?;
    loop {
        let question = format!("Folder [1-{}, Enter for 1, n back]:", levels.len());
        let answer = session.prompt.ask(&question, session.ui);
        if let Some(end) = ended(&answer) {
            return Ok(Err(end));
        }
        let Answer::Line(line) = answer else { continue };
        let number = match line.as_str() {
            "" => 1,
            "n" | "q" => return Ok(Ok(None)),
            line => line.parse().unwrap_or(0),
        };
        if let Some(level) = usize::checked_sub(number, 1).and_then(|at| levels.get(at)) {
            return Ok(Ok(Some(level)));
        }
    }
}

fn choose_answer(
    session: &Session<'_>,
    level: &Level<'_>,
    open: &Open,
) -> Result<Result<Option<Wish>, End>, Failure> {
    let (here, there) = (one_line(&open.names.here), one_line(&open.names.there));
    let count = plural(level.conflicts.len(), "conflict");
    let text = format!(
        "\n{count} in {}:\n  1. Keep {here}'s versions\n  2. Keep {there}'s versions\n  b. Keep both of each ({there}'s beside it, under a name of its own)\n  m. Merge where both edits fit together; the others stay open\n  l. Leave them as they are, on purpose\n  s. Skip them for now\n  n. Back\n",
        level.name
    );
    session.ui.answer(&text)?;
    loop {
        let answer = session.prompt.ask("The same for all [1, 2, b, m, l, s, n]:", session.ui);
        if let Some(end) = ended(&answer) {
            return Ok(Err(end));
        }
        let Answer::Line(line) = answer else { continue };
        return Ok(Ok(Some(match line.to_lowercase().as_str() {
            "1" => Wish::Take(Side::Here),
            "2" => Wish::Take(Side::There),
            "b" => Wish::Both,
            "m" => Wish::Merge,
            "l" => Wish::Leave,
            "s" => Wish::Skip,
            "n" | "q" => return Ok(Ok(None)),
            _ => continue,
        })));
    }
}

fn carry_out(
    session: &mut Session<'_>,
    level: &Level<'_>,
    wish: Wish,
    open: &Open,
) -> Result<Step, Failure> {
    let mut texts = BTreeMap::new();
    let mut chosen: Vec<(&Conflict, Choice)> = Vec::new();
    for &conflict in &level.conflicts {
        match wish {
            Wish::Leave => return session.leave(&level.conflicts),
            Wish::Skip => {
                session.skip(&level.conflicts);
                return Ok(Step::Next);
            }
            Wish::Take(side) => chosen.push((conflict, Choice::Take(side))),
            Wish::Both if can_keep_both(conflict) => chosen.push((conflict, Choice::Both)),
            Wish::Both => {}
            Wish::Merge => {
                if let Ok(text) = fitting(conflict, &session.shelf, &open.names)? {
                    chosen.push((conflict, merged(&text)));
                    texts.insert(Digest::of(&text), text);
                }
            }
        }
    }
    if chosen.is_empty() {
        session.tell(Tone::Attention, "That answer fits none of them. Nothing was changed.")?;
        return Ok(Step::Again);
    }
    let (report, _) = session.apply(&chosen, texts, open)?;
    if !session.ran(&report)? {
        return Ok(Step::Next);
    }
    let stayed = |path: &RelPath| {
        report.refused.contains(path) || report.skipped.iter().any(|s| s.path == *path)
    };
    let settled = chosen.iter().filter(|(conflict, _)| !stayed(&conflict.path)).count();
    let left_out = level.conflicts.len() - settled;
    let mut line = format!(
        "{} in {}: {}.",
        plural(settled, "conflict"),
        level.name,
        all_done(wish, &chosen, open)
    );
    if left_out > 0 {
        line.push_str(&format!(
            " {} open: this answer does not fit, or something changed meanwhile.",
            if left_out == 1 { "1 stays".to_owned() } else { format!("{left_out} stay") }
        ));
    }
    session.tell(Tone::Good, &line)?;
    session.ui.answer(&words::undo(&report.run))?;
    let what = format!("{} in {}", plural(settled, "conflict"), level.name);
    let choice = chosen.first().map(|(_, c)| words::brief(*c, &open.names)).unwrap_or_default();
    session.note(settled, Applied { what, choice, run: report.run });
    Ok(Step::Next)
}

/// What the answer brought about for all of them.
fn all_done(wish: Wish, chosen: &[(&Conflict, Choice)], open: &Open) -> String {
    let name = |side: Side| one_line(open.names.get(side));
    match wish {
        Wish::Take(side) => {
            let gone = chosen.iter().any(|(conflict, _)| {
                conflict.sides.get(side).is_none() || conflict.kind == ConflictKind::DirDelete
            });
            let own = name(side);
            let what = if gone { "state" } else { "version" };
            format!(
                "{own}'s {what} is that of both territories now; what {} had is in the backups",
                name(side.other())
            )
        }
        Wish::Both => format!(
            "both versions stand on both territories now, {}'s under a name of its own",
            name(Side::There)
        ),
        Wish::Merge => {
            "merged on both territories; the former versions are in the backups".to_owned()
        }
        Wish::Leave | Wish::Skip => String::new(),
    }
}
