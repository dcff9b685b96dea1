//! What the two territories of the demonstration hold, and what is edited in them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ubos_core::sides::Sides;

/// The laptop's name.
pub(super) const LOCALHOST: &str = "localhost";
/// The server's name.
pub(super) const BALAUR: &str = "balaur";

/// The path on which both sides will disagree.
pub(super) const DISPUTED: &str = "config/CLAUDE.md";
/// What the laptop edits.
pub(super) const EDITED_HERE: &str = "ROADMAP.md";
/// What the server edits.
pub(super) const EDITED_THERE: &str = "docs/forge.md";
/// The log that grows on the server.
pub(super) const LOG: &str = "proposals.jsonl";

/// A path and its content.
pub(super) type File = (&'static str, &'static str);

/// What the laptop has and shares.
pub(super) const FROM_LOCALHOST: [File; 9] = [
    (
        EDITED_HERE,
        "# Roadmap\n\n#strategy #balaur\n\n1. Share the documents: [[docs/architecture]]\n2. Let the proposals come back: [[missions/first-light]]\n",
    ),
    ("SESSION_STATUS.md", "# Session status\n\nNext: [[missions/first-light]] #strategy\n"),
    (
        "docs/architecture.md",
        "# Architecture\n\n#strategy\n\nTwo territories, one truth. The laptop plans, see [[ROADMAP]]; the server works, see [[docs/forge]].\n",
    ),
    (
        "docs/charter.md",
        "# Charter\n\n#strategy\n\nNothing is overwritten without a copy. What both sides changed, a person decides.\n",
    ),
    (
        DISPUTED,
        "# How to work here\n\n#config\n\n- Read [[ROADMAP]] first.\n- Keep answers short.\n",
    ),
    ("config/agents.toml", "[janus]\nterritory = \"balaur\"\ninterval_minutes = 5\n"),
    (
        "missions/first-light.md",
        "# First light\n\n#forge\n\nBring both territories to the same page. Background: [[docs/architecture]].\n",
    ),
    (
        "missions/orrery.md",
        "# Orrery\n\n#forge\n\nDraw the map of ideas. After [[missions/first-light]].\n",
    ),
    (
        "COMMS_HUB/briefing-001.md",
        "# Briefing 1\n\n#balaur\n\nTo Janus: read [[docs/charter]], then propose.\n",
    ),
];

/// What the server has and shares both ways.
pub(super) const FROM_BALAUR: [File; 2] = [
    (
        EDITED_THERE,
        "# Forge\n\n#forge #balaur\n\nWhere proposals are made. Charter: [[docs/charter]].\n",
    ),
    (
        "COMMS_HUB/reply-001.md",
        "# Reply 1\n\n#balaur\n\nJanus: charter read, see [[docs/forge]].\n",
    ),
];

/// What the server makes and the laptop only reads.
pub(super) const REPORTED: [File; 3] = [
    (
        LOG,
        "{\"id\":1,\"title\":\"Index the library\",\"status\":\"open\"}\n{\"id\":2,\"title\":\"Rest at night\",\"status\":\"done\"}\n",
    ),
    ("mission_log.jsonl", "{\"mission\":\"first-light\",\"step\":\"lamp lit\"}\n"),
    (
        "STATE_OF_THE_REPUBLIC_2025-10.md",
        "# State of the Republic, October 2025\n\n#balaur\n\nTwo proposals, one mission. See [[ROADMAP]].\n",
    ),
];

/// What no manifest names: it stays on the laptop.
pub(super) const ONLY_LOCALHOST: [File; 2] = [
    ("scripts/deploy.sh", "#!/bin/sh\necho 'stays on the laptop'\n"),
    ("tests/test_charter.py", "assert True\n"),
];

/// What no manifest names: it stays on the server.
pub(super) const ONLY_BALAUR: [File; 3] = [
    ("agent/runtime.py", "print('stays on the server')\n"),
    ("agent/venv/pyvenv.cfg", "home = /usr/bin\n"),
    (".cache/embeddings.bin", "0123456789\n"),
];

/// The laptop's edit.
pub(super) const ROADMAP_EDITED: &str = "# Roadmap\n\n#strategy #balaur\n\n1. Share the documents: [[docs/architecture]] (done)\n2. Let the proposals come back: [[missions/first-light]]\n3. Draw the map: [[missions/orrery]]\n";
/// The server's edit.
pub(super) const FORGE_EDITED: &str = "# Forge\n\n#forge #balaur\n\nWhere proposals are made. Charter: [[docs/charter]].\n\nThe furnace is lit; first results in `proposals.jsonl`.\n";
/// What the log grows by.
pub(super) const LOG_GROWTH: &str =
    "{\"id\":3,\"title\":\"Map the missions\",\"status\":\"open\"}\n";
/// The disputed file as both sides leave it.
pub(super) const DISPUTED_EDITED: Sides<&str> = Sides {
    here: "# How to work here\n\n#config\n\n- Read [[ROADMAP]] first.\n- Keep answers short, and say why.\n",
    there: "# How to work here\n\n#config\n\n- Read [[ROADMAP]] and [[docs/forge]] first.\n- Keep answers short.\n- Log every proposal.\n",
};

/// Writes both trees.
pub(super) fn build(roots: &Sides<PathBuf>) -> io::Result<()> {
    let here = FROM_LOCALHOST.iter().chain(&ONLY_LOCALHOST);
    let there = FROM_BALAUR.iter().chain(&REPORTED).chain(&ONLY_BALAUR);
    here.map(|file| (&roots.here, file))
        .chain(there.map(|file| (&roots.there, file)))
        .try_for_each(|(root, (path, text))| write(root, path, text))
}

/// Edits on both sides, as two people would between two syncs.
pub(super) fn edit(roots: &Sides<PathBuf>) -> io::Result<()> {
    write(&roots.here, EDITED_HERE, ROADMAP_EDITED)?;
    write(&roots.there, EDITED_THERE, FORGE_EDITED)?;
    let mut log = fs::OpenOptions::new().append(true).open(roots.there.join(LOG))?;
    log.write_all(LOG_GROWTH.as_bytes())?;
    write(&roots.here, DISPUTED, DISPUTED_EDITED.here)?;
    write(&roots.there, DISPUTED, DISPUTED_EDITED.there)
}

/// The content with which the demonstration began.
pub(super) fn original(path: &str) -> &'static str {
    let all = FROM_LOCALHOST.iter().chain(&FROM_BALAUR).chain(&REPORTED);
    all.into_iter().find(|file| file.0 == path).map_or("", |file| file.1)
}

fn write(root: &Path, path: &str, text: &str) -> io::Result<()> {
    let full = root.join(path);
    if let Some(folder) = full.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(full, text)
}
