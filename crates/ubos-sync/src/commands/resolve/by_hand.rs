//! One text out of both versions: where the edits fit together it is offered as it is, otherwise
//! the person's editor or merge tool is asked.
//!
//! Nothing is changed by any of this but by the person's word at the end. A text that was edited
//! and not used is kept in memory as long as the question stands, and its end is told before.

use ubos_core::conflict::Conflict;
use ubos_core::merge::{Merged, has_markers, merge};
use ubos_core::sides::{Side, Sides};

use super::merge::{AGREED, labels, merged};
use super::session::{Session, Step, ended};
use super::versions::Versions;
use super::words::End;
use crate::commands::conflicts::Open;
use crate::failure::Failure;
use crate::render::diff::{Shown, two};
use crate::render::wrap::hanging;
use crate::ui::Tone;
use crate::ui::editor::{self, Edited, Stages};
use crate::ui::prompt::Answer;
use crate::ui::sanitize::one_line;

/// What the person wants after looking at a merge.
enum Wish {
    /// This text; whether anybody edited it.
    Use(Vec<u8>, bool),
    /// The question again; why was said.
    Back,
    End(End),
}

/// Merges a conflict with the person, and settles it with what they accept.
pub(super) fn ask(
    session: &mut Session<'_>,
    conflict: &Conflict,
    versions: &Versions,
    open: &Open,
) -> Result<Step, Failure> {
    let sides = versions.sides.as_ref().map(|version| version.bytes());
    let (Some(here), Some(there)) = (sides.here, sides.there) else { return Ok(Step::Again) };
    let base = versions.base.as_deref();
    let texts = Texts { conflict, base, here, there, names: &open.names };
    let wish = match session.kept.get(&conflict.path).cloned() {
        Some(kept) => texts.go_on_with(kept, session)?,
        None => texts.afresh(session)?,
    };
    match wish {
        Wish::Back => Ok(Step::Again),
        Wish::End(end) => Ok(Step::End(end)),
        Wish::Use(text, edited) => {
            if edited {
                session.kept.insert(conflict.path.clone(), text.clone());
            }
            let step = session.settle(conflict, merged(&text), Some(text), open)?;
            if session.kept.contains_key(&conflict.path) {
                let words = "What you edited is kept until you leave; 4 goes on with it.";
                session.tell(Tone::Strong, words)?;
            }
            Ok(step)
        }
    }
}

struct Texts<'a> {
    conflict: &'a Conflict,
    base: Option<&'a [u8]>,
    here: &'a [u8],
    there: &'a [u8],
    names: &'a Sides<String>,
}

impl Texts<'_> {
    /// What comes of merging the two versions.
    fn afresh(&self, session: &Session<'_>) -> Result<Wish, Failure> {
        let labels = labels(self.names);
        match merge(&self.conflict.path, self.base, self.here, self.there, &labels) {
            None => Ok(Wish::Back),
            Some(Merged::Clean(text)) => self.offer(text, true, session),
            Some(Merged::Conflicted(text)) => self.by_hand(text, session),
        }
    }

    /// A text that was edited before and could not be used then.
    fn go_on_with(&self, kept: Vec<u8>, session: &Session<'_>) -> Result<Wish, Failure> {
        session.ui.answer("k go on with what you edited before · f begin afresh · n back\n")?;
        loop {
            let answer = session.prompt.ask("Which? [k, f, n]:", session.ui);
            if let Some(end) = ended(&answer) {
                return Ok(Wish::End(end));
            }
            let Answer::Line(line) = answer else { continue };
            match line.to_lowercase().as_str() {
                "k" => return self.offer(kept, false, session),
                "f" => return self.afresh(session),
                "n" | "q" => return self.back(session),
                _ => {}
            }
        }
    }

    fn back(&self, session: &Session<'_>) -> Result<Wish, Failure> {
        session.tell(Tone::Faint, "Nothing was changed.")?;
        Ok(Wish::Back)
    }

    /// Shows a text that could be used, and asks. `clean`: nobody has edited it yet.
    fn offer(&self, text: Vec<u8>, clean: bool, session: &Session<'_>) -> Result<Wish, Failure> {
        let mut text = text;
        let mut clean = clean;
        self.show(&text, clean, session)?;
        loop {
            let (keys, question) = if clean {
                (
                    "y use it on both territories · n back, nothing is changed · e edit it first · d show it again",
                    "Use this merge? [y, n, e, d]:",
                )
            } else {
                (
                    "y use it on both territories · n back, what you edited is dropped · e edit on · d show it again",
                    "Use what you edited? [y, n, e, d]:",
                )
            };
            session.ui.answer(&hanging("", keys, session.ui.width()))?;
            let answer = session.prompt.ask(question, session.ui);
            if let Some(end) = ended(&answer) {
                return Ok(Wish::End(end));
            }
            let Answer::Line(line) = answer else { continue };
            match line.to_lowercase().as_str() {
                "y" | "yes" => return Ok(Wish::Use(text, !clean)),
                "n" | "no" | "q" => return self.back(session),
                "d" => self.show(&text, clean, session)?,
                "e" => {
                    let edited =
                        editor::edit(&self.conflict.path, &text, session.root(), &session.prompt)?;
                    match self.judge(edited, None) {
                        Ok(new) => {
                            clean = clean && new == text;
                            text = new;
                            self.show(&text, clean, session)?;
                        }
                        Err(Flaw::Markers(new)) => return self.mend(new, session),
                        Err(Flaw::Unusable(why)) => session.tell(Tone::Attention, &why)?,
                    }
                }
                _ => {}
            }
        }
    }

    /// Lets the person merge a text with marks in it.
    fn by_hand(&self, marked: Vec<u8>, session: &Session<'_>) -> Result<Wish, Failure> {
        session.tell(
            Tone::Strong,
            "The two edits touch the same lines. They are marked in the text: keep what is right, and take the lines with <<<<<<<, |||||||, ======= and >>>>>>> out.",
        )?;
        let edited = match editor::merge_tool() {
            None => editor::edit(&self.conflict.path, &marked, session.root(), &session.prompt)?,
            Some(tool) => match self.choose_tool(&one_line(&tool), session) {
                Ok(true) => self.with_tool(&marked, session)?,
                Ok(false) => {
                    editor::edit(&self.conflict.path, &marked, session.root(), &session.prompt)?
                }
                Err(Wish::Back) => return self.back(session),
                Err(wish) => return Ok(wish),
            },
        };
        match self.judge(edited, Some(&marked)) {
            Ok(text) => self.offer(text, false, session),
            Err(Flaw::Markers(text)) => self.mend(text, session),
            Err(Flaw::Unusable(why)) => {
                session.tell(Tone::Attention, &why)?;
                Ok(Wish::Back)
            }
        }
    }

    /// Whether the merge tool is wanted rather than the editor.
    fn choose_tool(&self, tool: &str, session: &Session<'_>) -> Result<bool, Wish> {
        let editor = one_line(&editor::editor().to_string_lossy());
        let keys = format!("t merge with your merge tool ({tool}) · e edit ({editor}) · n not now");
        let keys = hanging("", &keys, session.ui.width());
        loop {
            if session.ui.answer(&keys).is_err() {
                return Err(Wish::End(End::Closed));
            }
            let answer = session.prompt.ask("With which? [t, e, n]:", session.ui);
            if let Some(end) = ended(&answer) {
                return Err(Wish::End(end));
            }
            let Answer::Line(line) = answer else { continue };
            match line.to_lowercase().as_str() {
                "t" => return Ok(true),
                "e" => return Ok(false),
                "n" | "q" => return Err(Wish::Back),
                _ => {}
            }
        }
    }

    fn with_tool(&self, marked: &[u8], session: &Session<'_>) -> Result<Edited, Failure> {
        let stages = Stages { base: self.base, here: self.here, there: self.there, merged: marked };
        let path = &self.conflict.path;
        Ok(editor::merge_with_tool(path, &stages, session.root(), &session.prompt)?)
    }

    /// A text with marks left in it cannot be used; it can be edited on, or dropped.
    fn mend(&self, text: Vec<u8>, session: &Session<'_>) -> Result<Wish, Failure> {
        let mut text = text;
        loop {
            session.tell(
                Tone::Attention,
                "Conflict markers are left in the text, so nothing was changed.",
            )?;
            let question = "Edit on? [e edit on, n back (what you edited is dropped)]:";
            let answer = session.prompt.ask(question, session.ui);
            if let Some(end) = ended(&answer) {
                return Ok(Wish::End(end));
            }
            let Answer::Line(line) = answer else { continue };
            match line.to_lowercase().as_str() {
                "n" | "no" | "q" => return self.back(session),
                "e" | "y" | "yes" => {
                    let edited =
                        editor::edit(&self.conflict.path, &text, session.root(), &session.prompt)?;
                    match self.judge(edited, None) {
                        Ok(whole) => return self.offer(whole, false, session),
                        Err(Flaw::Markers(new)) => text = new,
                        Err(Flaw::Unusable(why)) => session.tell(Tone::Attention, &why)?,
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether what a program left can be used. `given` is the text with marks that it was given.
    fn judge(&self, edited: Edited, given: Option<&[u8]>) -> Result<Vec<u8>, Flaw> {
        let text = match edited {
            Edited::Failed(why) => {
                return Err(Flaw::Unusable(format!("{}, so nothing was changed.", one_line(&why))));
            }
            Edited::Text(text) => text,
        };
        if given == Some(text.as_slice()) {
            return Err(Flaw::Unusable(
                "The text was left as it was, so nothing was changed.".into(),
            ));
        }
        if text.is_empty() && !self.here.is_empty() && !self.there.is_empty() {
            return Err(Flaw::Unusable(
                "An empty text was left where neither version is empty, so nothing was changed."
                    .into(),
            ));
        }
        // A text about merging may well have such lines of its own.
        let own = has_markers(self.here) || has_markers(self.there);
        if has_markers(&text) && !own { Err(Flaw::Markers(text)) } else { Ok(text) }
    }

    /// Shows what a text would change, through the pager if it is long.
    fn show(&self, text: &[u8], clean: bool, session: &Session<'_>) -> Result<(), Failure> {
        let merged = Shown { label: "merged", bytes: Some(text) };
        let columns = session.ui.width();
        let from = |label: &str, bytes: &[u8]| {
            two(&Shown { label, bytes: Some(bytes) }, &merged, columns, session.ui)
        };
        let mut shown = String::from("\n");
        if clean {
            shown.push_str("Both edits fit together. ");
        }
        match self.base {
            Some(base) if clean => {
                shown.push_str("This is what they change in the last agreed version:\n\n");
                shown.push_str(&from(AGREED, base));
            }
            _ => {
                for (side, bytes) in [(Side::Here, self.here), (Side::There, self.there)] {
                    let name = one_line(self.names.get(side));
                    if bytes == text {
                        shown.push_str(&format!("It is the same as {name}'s version.\n"));
                    } else {
                        shown.push_str(&format!("What it changes in {name}'s version:\n\n"));
                        shown.push_str(&from(&name, bytes));
                    }
                    if side == Side::Here {
                        shown.push('\n');
                    }
                }
            }
        }
        session.page(&format!("{}\n\n", shown.trim_end_matches('\n')))
    }
}

/// Why a text cannot be used.
enum Flaw {
    Markers(Vec<u8>),
    Unusable(String),
}
