//! The demonstration in words. Told after the claims were checked.

use std::path::{Path, PathBuf};

use ubos_core::sides::Sides;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::pairing::Paired;

use super::claims::{backup, replaced};
use super::content::{BALAUR, DISPUTED, EDITED_HERE, EDITED_THERE, LOCALHOST, LOG};
use crate::render;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

fn heading(number: u32, title: &str, ui: &Ui) -> String {
    format!("\n{}\n", ui.tone(Tone::Strong, &format!("{number}. {title}")))
}

fn command(line: &str, ui: &Ui) -> String {
    format!("\n  {}\n", ui.tone(Tone::Faint, &format!("$ {line}")))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}

/// The two trees stand.
pub(super) fn territories(folder: &Path, ui: &Ui) -> String {
    format!(
        "{}
In {}:

  {LOCALHOST}/   a laptop: docs/, config/, missions/, COMMS_HUB/, ROADMAP.md …
               and scripts/, tests/, which are nobody else's business
  {BALAUR}/      a server: some notes of its own, proposals.jsonl and mission_log.jsonl,
               a STATE_OF_THE_REPUBLIC report, and agent/, .cache/, which stay there
",
        heading(1, "Two territories", ui),
        shown(folder)
    )
}

/// They are a pair.
pub(super) fn paired(roots: &Sides<PathBuf>, paired: &Paired, ui: &Ui) -> String {
    let mut text = heading(2, "Make them a pair", ui);
    let line =
        format!("ubos-sync init {} --peer {BALAUR}={}", shown(&roots.here), shown(&roots.there));
    text.push_str(&command(&line, ui));
    text.push_str(
        "
Each side has an identity and a private folder .ubos-sync/ now. No file has moved.
Three manifests say what is shared, and in which direction:

",
    );
    for path in &paired.manifests {
        let about = match path.to_string() {
            path if path.contains("sync_to_") => "shared both ways",
            path if path.contains("sync_from_") => "made by the server, only read on the laptop",
            _ => "never synced",
        };
        text.push_str(&format!("  {:<30} {about}\n", one_line(&path.to_string())));
    }
    text
}

/// Everything shared is on both sides.
pub(super) fn first_sync(run: &RunReport, ui: &Ui) -> String {
    let mut text = heading(3, "The first sync", ui);
    text.push_str(&command("ubos-sync bidirectional", ui));
    text.push_str(&indented(&render::run::text(run, &[], ui)));
    text.push_str(
        "
Checked: every shared file is the same on both sides, byte for byte. scripts/ and tests/ are on
the laptop only, agent/ and .cache/ on the server only: no manifest names them.
",
    );
    text
}

/// Both sides were edited.
pub(super) fn edits(ui: &Ui) -> String {
    format!(
        "{}
  {EDITED_HERE:<18} edited on {LOCALHOST}
  {EDITED_THERE:<18} edited on {BALAUR}
  {LOG:<18} one line longer on {BALAUR}
  {DISPUTED:<18} edited on both, differently
",
        heading(4, "A day passes: edits on both sides", ui)
    )
}

/// Edits travelled, the conflict is open.
pub(super) fn second_sync(roots: &Sides<PathBuf>, run: &RunReport, ui: &Ui) -> String {
    let mut text = heading(5, "The second sync", ui);
    text.push_str(&command("ubos-sync bidirectional", ui));
    text.push_str(&indented(&render::run::text(run, &[], ui)));
    let backups: Vec<String> = replaced(run)
        .map(|action| backup(roots.get(action.to), &run.run, &action.path.to_string()))
        .map(|path| format!("  {}\n", shown(&path)))
        .collect();
    text.push_str(&format!(
        "
Checked: the two edits and the new line are on both sides. What they replaced was kept:

{}
{DISPUTED} is a conflict: nobody but you can know which version is right, so both stand
untouched, each on its side. The sync ended with exit code 3, which says so to scripts. On a
terminal it would have asked you at once.
",
        backups.concat(),
    ));
    text
}

/// Where to go on. `program` is how to start this program where the PATH does not have it.
pub(super) fn next(
    folder: &Path,
    roots: &Sides<PathBuf>,
    program: Option<&Path>,
    ui: &Ui,
) -> String {
    let alias = program.map(|path| (format!("alias ubos-sync={}", shown(path)), ""));
    let commands = [
        (format!("cd {}", shown(&roots.here)), ""),
        ("ubos-sync resolve".to_owned(), "settle the conflict: it shows both versions and asks"),
        ("ubos-sync status".to_owned(), "what a sync would do now, and what waits for you"),
        ("ubos-sync log".to_owned(), "everything that happened, on record"),
    ];
    let mut text = heading(6, "Your turn", ui);
    text.push_str("\nThe two folders are kept. Look around, edit on either side, and try:\n\n");
    for (line, about) in alias.into_iter().chain(commands) {
        let about = if about.is_empty() { String::new() } else { format!("  # {about}") };
        text.push_str(&format!("  {line:<17}{}\n", ui.tone(Tone::Faint, &about)));
    }
    text.push_str(&format!(
        "\nWhen you have seen enough: {}\n",
        ui.tone(Tone::Faint, &format!("rm -r {}", shown(folder)))
    ));
    text
}
