//! The mirror on this machine, and how the tree relates to it.

use std::path::PathBuf;

use serde_json::{Value, json};

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_tiers::git::maintain::Extent;
use ubos_tiers::git::manifest::About;
use ubos_tiers::git::mirrored::Compared;
use ubos_tiers::git::pulls::Pulls;
use ubos_tiers::git::remote::fetch::Fetched;
use ubos_tiers::git::remote::trouble::Trouble;

use crate::render::units::{age, bytes, plural};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// So many paths of a kind are named on the screen.
const NAMED: usize = 10;

/// What is known of the mirror.
pub(crate) struct View {
    /// Where it is, or would be.
    pub folder: PathBuf,
    /// How large it is, if it is there.
    pub extent: Option<Extent>,
    /// Its newest snapshot.
    pub newest: Option<About>,
    /// The tree against that, and the tree's generation.
    pub compared: Option<(Compared, u64)>,
    /// What pulls into the tree.
    pub pulls: Vec<Pulls>,
}

impl View {
    /// 3 if a person should do something: there is nothing in the mirror, or something pulls.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.newest.is_none() || !self.pulls.is_empty() { 3 } else { 0 }
    }
}

/// Where it is, its newest snapshot, the tree, warnings.
pub(crate) fn page(view: &View, ui: &Ui) -> String {
    let folder = one_line(&view.folder.display().to_string());
    let mut text = match &view.extent {
        Some(extent) => format!("mirror: {folder} ({})\n", bytes(extent.bytes)),
        None => format!("mirror: none yet; it will be {folder}\n"),
    };
    match &view.newest {
        Some(about) => text.push_str(&newest(about, ui.width())),
        None => text.push_str(
            "  no snapshot is in it.\n  Next: `ubos-sync backup push` on the laptop, or `ubos-sync backup mirror fetch` here\n",
        ),
    }
    if let (Some((compared, generation)), Some(about)) = (&view.compared, &view.newest) {
        text.push_str(&tree(compared, *generation, about, ui));
    }
    for pulls in &view.pulls {
        let line = format!("Warning: {}", one_line(&pulls.message));
        text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &line)));
        text.push_str(&hanging("  Hint: ", &one_line(&pulls.hint), ui.width()));
    }
    text
}

fn newest(about: &About, columns: usize) -> String {
    let made = clock::seconds(&about.made).unwrap_or(0);
    let old = age(u64::try_from(clock::now().0 - made).unwrap_or(0));
    let snapshot = about.snapshot.get(..12).unwrap_or(&about.snapshot);
    let files = usize::try_from(about.files).unwrap_or(usize::MAX);
    let line = format!(
        "newest snapshot: {snapshot} of {}, {old} ago, after generation {}; {}, {}",
        about.territory,
        about.generation,
        plural(files, "file"),
        bytes(about.bytes)
    );
    hanging("  ", &one_line(&line), columns)
}

fn tree(compared: &Compared, generation: u64, about: &About, ui: &Ui) -> String {
    if compared.is_equal() {
        return format!("  {}\n", ui.tone(Tone::Good, "the tree is what that snapshot says"));
    }
    let mut text = format!(
        "  the tree, at generation {generation}: {} as in the snapshot\n",
        plural(usize::try_from(compared.equal).unwrap_or(usize::MAX), "path")
    );
    let waiting = if generation > about.generation {
        "newer here: the next push brings the mirror up to date"
    } else {
        "newer here: waiting to sync"
    };
    for (list, what) in [
        (&compared.newer, waiting),
        (&compared.older, "older here: a sync brings the later version"),
        (&compared.missing, "not here: a sync brings them, or they were removed here since"),
        (&compared.disputed, "changed on both sides. Next: ubos-sync resolve"),
        (&compared.damaged, "different bytes of the same time: ubos-sync backup drill --all"),
        (&compared.unknown, "could not be read here"),
    ] {
        if list.is_empty() {
            continue;
        }
        text.push_str(&format!("  {} {what}\n", plural(list.len(), "path")));
        for path in list.iter().take(NAMED) {
            text.push_str(&format!("    {}\n", one_line(&path.to_string())));
        }
        if list.len() > NAMED {
            text.push_str(&format!("    … and {} more\n", list.len() - NAMED));
        }
    }
    text
}

/// The same as data.
pub(crate) fn document(view: &View) -> Value {
    let paths = |list: &[RelPath]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let tree = view.compared.as_ref().map(|(compared, generation)| {
        json!({
            "generation": generation, "equal": compared.equal, "newer": paths(&compared.newer),
            "older": paths(&compared.older), "missing": paths(&compared.missing),
            "disputed": paths(&compared.disputed), "damaged": paths(&compared.damaged),
            "unknown": paths(&compared.unknown),
        })
    });
    let warnings: Vec<Value> = view
        .pulls
        .iter()
        .map(|pulls| json!({"message": pulls.message, "hint": pulls.hint}))
        .collect();
    json!({
        "schema": 1, "command": "backup mirror status",
        "folder": view.folder.to_string_lossy(), "bytes": view.extent.map(|e| e.bytes),
        "newest": view.newest, "tree": tree, "warnings": warnings, "exit": view.exit_code(),
    })
}

/// What a fetch brought.
pub(crate) fn fetched_page(from: &str, fetched: &Result<Fetched, Trouble>, ui: &Ui) -> String {
    let from = one_line(from);
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(trouble) => {
            let message = ui.tone(Tone::Bad, &one_line(&trouble.message));
            let hint = hanging("  Hint: ", &one_line(&trouble.hint), ui.width());
            return format!("{from}: {message}\n{hint}");
        }
    };
    let mut text = match fetched.news.len() {
        0 if fetched.diverged.is_empty() => format!("{from}: the mirror has everything\n"),
        1 => format!("{from}: 1 branch moved on\n"),
        count => format!("{from}: {count} branches moved on\n"),
    };
    for (name, kept) in &fetched.diverged {
        let line = format!("{name} went another way at the remote; nothing was overwritten");
        text.push_str(&format!("  {}\n", ui.tone(Tone::Attention, &one_line(&line))));
        text.push_str(&format!(
            "    what stands there is kept in the mirror as {}\n",
            one_line(kept)
        ));
        text.push_str(
            "    Next: `ubos-sync backup push` on the laptop, which says how to settle it\n",
        );
    }
    text
}

/// The same as data.
pub(crate) fn fetched_document(from: &str, fetched: &Result<Fetched, Trouble>, code: u8) -> Value {
    let mut document =
        json!({"schema": 1, "command": "backup mirror fetch", "from": from, "exit": code});
    match fetched {
        Ok(fetched) => {
            let news =
                fetched.news.iter().map(|(name, oid)| json!({"branch": name, "commit": oid}));
            let apart =
                fetched.diverged.iter().map(|(name, kept)| json!({"branch": name, "kept": kept}));
            document["news"] = news.collect();
            document["diverged"] = apart.collect();
        }
        Err(trouble) => document["error"] = json!(trouble),
    }
    document
}
