//! Links that lead nowhere.

use ubos_tiers::graph::questions::broken::{Broken, BrokenLink, Cause};

use super::rows::{counted, head, more};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Cause by cause, each with place and what to write instead.
pub(super) fn text(broken: &Broken, ui: &Ui) -> String {
    if broken.total == 0 {
        return "every link leads somewhere\n".to_owned();
    }
    let lead = if broken.total == 1 { "leads" } else { "lead" };
    let mut text = head(&format!("{} {lead} nowhere", counted(broken.total, "link")), ui);
    let mut cause = None;
    for link in &broken.links {
        if cause != Some(link.cause) {
            cause = Some(link.cause);
            let count = broken.causes.get(&link.cause).copied().unwrap_or(0);
            let line = format!("{} ({count})", words(link.cause));
            text.push_str(&format!("\n{}\n", ui.tone(Tone::Attention, &line)));
        }
        text.push_str(&one(link, ui));
    }
    text + &more(broken.links.len(), broken.total, ui)
}

fn one(link: &BrokenLink, ui: &Ui) -> String {
    let reference = &link.reference;
    let place = format!("{}:{}", one_line(&reference.from), reference.line);
    let subpath = reference.subpath.as_deref().map(|part| format!("#{part}")).unwrap_or_default();
    let name = one_line(&format!("{}{subpath}", reference.to.name()));
    let mut text = hanging("  ", &format!("{place}  {}", ui.tone(Tone::Bad, &name)), ui.width());
    if let Some(fix) = &link.fix {
        text.push_str(&hanging("      write ", &one_line(fix), ui.width()));
    } else if let Some(meant) = &link.meant {
        text.push_str(&hanging("      near ", &one_line(meant), ui.width()));
    }
    text
}

fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::Moved => "The file stands in another folder",
        Cause::Misspelt => "A file has almost that name",
        Cause::Alias => "Another name of a note: links need the title",
        Cause::Folder => "A folder, no note",
        Cause::Hidden => "Hidden: a part of the path begins with a dot",
        Cause::Symlink => "A symbolic link, which is not followed",
        Cause::MachinePath => "A path of one machine",
        Cause::Heading => "The note has no such heading",
        Cause::Block => "The note has no such block",
        Cause::Missing => "Nothing has that name",
    }
}
