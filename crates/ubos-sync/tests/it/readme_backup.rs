//! "A backup that is proved" in the README: its commands are run, on the territories of `demo`, and what
//! they bring back is compared.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;
use ubos_testkit::World;
use ubos_testkit::process::{Outcome, Running};

use crate::BINARY;

const README: &str = include_str!("../../../../README.md");
const SOON: Duration = Duration::from_secs(60);
/// What the page calls the remote.
const REMOTE: &str = "git@github.com:me/ubos.git";

/// The territories of the demonstration, in `demo/` of a world, without an open conflict, and an empty
/// repository beside them.
struct Demo {
    world: World,
    laptop: PathBuf,
}

impl Demo {
    fn new() -> Self {
        let world = World::empty(BINARY);
        let program = world.base().join("bin/ubos-sync");
        std::os::unix::fs::symlink(world.binary(), program).unwrap();
        let laptop = world.base().join("demo/localhost");
        let demo = Self { world, laptop };
        let base = demo.world.base().to_owned();
        demo.shell(&base, "ubos-sync demo --dir demo -q && git init -q --bare demo/remote.git")
            .exits(0);
        demo.here("ubos-sync resolve config/CLAUDE.md --keep localhost").exits(0);
        demo
    }

    fn shell(&self, folder: &Path, script: &str) -> Outcome {
        let mut command = self.world.command(Path::new("/bin/bash"));
        command.args(["-e", "-c", script]).current_dir(folder);
        Running::start(command, &self.world.base().join("output")).finish(SOON)
    }

    fn here(&self, script: &str) -> Outcome {
        self.shell(&self.laptop, script)
    }

    /// The blocks of one kind below a heading, with the places of this world in place of the page's.
    fn blocks(&self, heading: &str, kind: &str) -> Vec<String> {
        let start = README.find(&format!("\n### {heading}\n")).expect("the README has it");
        let rest = &README[start + 5..];
        let end = rest.find("\n## ").into_iter().chain(rest.find("\n### ")).min().unwrap();
        let fence = format!("```{kind}\n");
        let remote = self.world.base().join("demo/remote.git").display().to_string();
        let blocks = rest[..end].split(fence.as_str()).skip(1);
        blocks.map(|block| block[..block.find("```").unwrap()].replace(REMOTE, &remote)).collect()
    }

    /// Logs of a few hundred bytes count as large.
    fn keep_small_logs_in_pieces(&self) {
        let state = StateDir::open(&self.laptop).unwrap();
        let mut config = Config::require(&state).unwrap();
        config.backup.segment_above = serde_json::from_value("100".into()).unwrap();
        config.save(&state).unwrap();
    }
}

#[test]
fn in_five_minutes_and_back_in_time() {
    let demo = Demo::new();
    for block in demo.blocks("In five minutes", "sh") {
        demo.here(&block)
            .exits(0)
            .says("laptop and server lost, remote left: everything came back");
    }
    let plan = demo.laptop.join("ROADMAP.md");
    let first = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, format!("{first}later\n")).unwrap();
    demo.here("ubos-sync backup snapshot").exits(0);
    let blocks = demo.blocks("Back in time", "sh");
    let [block] = &blocks[..] else { panic!("{blocks:?}") };
    for line in block.lines().map(|line| line.replace("notes/plan.md", "ROADMAP.md")) {
        let line = line.split(" #").next().unwrap().trim_end();
        // The demonstration is younger than two days.
        demo.here(&line.replace("--at 2d", "--at HEAD~1")).exits(0);
    }
    assert_eq!(fs::read_to_string(&plan).unwrap(), first);
}

#[test]
fn everything_comes_back_by_hand() {
    let demo = Demo::new();
    let remote = demo.world.base().join("demo/remote.git");
    demo.here(&format!("ubos-sync backup init --remote {}", remote.display())).exits(0);
    demo.keep_small_logs_in_pieces();
    let server = demo.world.base().join("demo/balaur");
    demo.shell(&server, "for n in 4 5 6 7; do echo \"{\\\"id\\\":$n}\" >> proposals.jsonl; done");
    fs::create_dir_all(demo.laptop.join("missions/empty")).unwrap();
    let private = demo.laptop.join("docs/charter.md");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
    // What a tree says about attributes must not change what comes back.
    fs::write(demo.laptop.join("docs/.gitattributes"), "* text eol=crlf ident\n").unwrap();
    fs::write(demo.laptop.join("docs/ident.md"), "$Id$\nline\n").unwrap();
    demo.here("ubos-sync bidirectional && ubos-sync backup snapshot && ubos-sync backup push")
        .exits(0);
    let by_hand = demo.world.base().join("by-hand");
    fs::create_dir(&by_hand).unwrap();
    let commands = demo.blocks("Everything back by hand", "sh").join("\n");
    let python = demo.blocks("Everything back by hand", "python").join("\n");
    fs::write(by_hand.join("back.py"), python).unwrap();
    let outcome = demo.shell(&by_hand, &format!("{commands}\npython3 ../back.py"));
    outcome.exits(0).says("\"gaps\": {}").says("000001");
    assert!(!outcome.told().contains("not here:"), "{}", outcome.told());
    for path in [
        "proposals.jsonl",
        "ROADMAP.md",
        "docs/charter.md",
        "docs/.gitattributes",
        "docs/ident.md",
        "docs",
        "missions/empty",
        "mission_log.jsonl",
        "config/sync_to_balaur.conf",
    ] {
        let (there, back) = (demo.laptop.join(path), by_hand.join("ubos").join(path));
        let (was, is) = (fs::metadata(&there).unwrap(), fs::metadata(&back).expect(path));
        assert_eq!(is.mode(), was.mode(), "{path}");
        assert_eq!((is.mtime(), is.mtime_nsec()), (was.mtime(), was.mtime_nsec()), "{path}");
        if was.is_file() {
            assert_eq!(fs::read(back).unwrap(), fs::read(there).unwrap(), "{path}");
        }
    }
}
