//! Merging at the prompt: edits that fit together, the editor, the merge tool, and everything that
//! can go wrong with them.

use std::fs;

use ubos_testkit::script::write_script;
use ubos_testkit::terminal::ctrl;
use ubos_testkit::{Side, World, backups};

use crate::agreed;
use crate::conversation::{CHOICE, Conversation, edit};

const BASE: &str = "# Plan\n\nfirst\nsecond\nthird\nfourth\nfifth\n";
const OPEN_HERE: &str = "# Plan\n\nfirst\nsecond of the laptop\nthird\nfourth\nfifth\n";
const OPEN_THERE: &str = "# Plan\n\nfirst\nsecond of the server\nthird\nfourth\nfifth\n";
const FITS_THERE: &str = "# Plan\n\nfirst\nsecond\nthird\nfourth\nfifth of the server\n";

/// `notes/plan.md` agreed on, then edited on both sides.
fn plan(laptop: &str, server: &str) -> World {
    let world = agreed();
    world.laptop().write("notes/plan.md", BASE);
    world.laptop().sync().exits(0);
    edit(&world, "notes/plan.md", laptop, server);
    world.laptop().sync().exits(3);
    world
}

/// Both edits touch the same line.
fn clashing() -> World {
    plan(OPEN_HERE, OPEN_THERE)
}

/// Each edit touches a line of its own.
fn fitting() -> World {
    plan(OPEN_HERE, FITS_THERE)
}

fn content(world: &World, side: Side) -> String {
    let node = world.at(side).get("notes/plan.md").unwrap();
    String::from_utf8(node.content().unwrap().to_vec()).unwrap()
}

/// Asserts that neither side has changed, and that nothing of ours is left in the temporary folder.
fn untouched(world: &World, laptop: &str, server: &str) {
    assert_eq!([content(world, Side::Laptop), content(world, Side::Server)], [laptop, server]);
    nothing_left(world);
}

fn nothing_left(world: &World) {
    let left: Vec<_> = fs::read_dir(world.base().join("tmp")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Asserts that both sides have `text`, and that both former versions are in the backups.
fn merged(world: &World, text: &str, laptop: &str, server: &str) {
    for (side, former) in [(Side::Laptop, laptop), (Side::Server, server)] {
        assert_eq!(content(world, side), text);
        let kept = backups::of_path(&world.root(side), "notes/plan.md");
        let last = kept.last().unwrap().node.content().unwrap();
        assert_eq!(String::from_utf8_lossy(last), former);
    }
    nothing_left(world);
    world.laptop().sync().exits(0).clean().actions([]);
}

#[test]
fn edits_that_fit_together_are_offered_as_such() {
    let world = fitting();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees("4. Merge (both edits fit together)").answers(CHOICE, "4");
    talk.sees("Both edits fit together").sees("second of the laptop").sees("fifth of the server");
    talk.answers("Use this merge?", "y");
    talk.sees("the merged text stands on both territories now").ends(0);
    let text = "# Plan\n\nfirst\nsecond of the laptop\nthird\nfourth\nfifth of the server\n";
    merged(&world, text, OPEN_HERE, FITS_THERE);
}

#[test]
fn a_merge_that_fits_can_be_declined_or_left() {
    let world = fitting();
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "m").answers("Use this merge?", "").answers("Use this merge?", "d");
    talk.answers("Use this merge?", "n").sees("Nothing was changed.");
    talk.answers(CHOICE, "4").presses("Use this merge?", ctrl('c')).ends(130);
    untouched(&world, OPEN_HERE, FITS_THERE);
}

#[test]
fn a_merge_that_fits_can_be_edited_first() {
    let world = fitting();
    let mut talk = Conversation::with_editor(&world, "echo 'a last word' >> \"$1\"");
    talk.answers(CHOICE, "4").answers("Use this merge?", "e").sees("a last word");
    talk.answers("Use what you edited?", "y").ends(0);
    let text =
        "# Plan\n\nfirst\nsecond of the laptop\nthird\nfourth\nfifth of the server\na last word\n";
    merged(&world, text, OPEN_HERE, FITS_THERE);
}

#[test]
fn what_does_not_fit_opens_the_editor_with_marks() {
    let world = clashing();
    let seen = world.base().join("seen");
    let script = format!(
        "cp \"$1\" '{0}'; echo \"$1\" > '{0}.name'; ls -ld \"$(dirname \"$1\")\" > '{0}.mode'
        grep -v -e '^<<<<<<<' -e '^|||||||' -e '^=======' -e '^>>>>>>>' '{0}' > \"$1\"",
        seen.display()
    );
    let mut talk = Conversation::with_editor(&world, &script);
    talk.sees("4. Merge by hand").answers(CHOICE, "4").sees("touch the same lines");
    talk.answers("Use what you edited?", "y").ends(0);
    let shown = fs::read_to_string(&seen).unwrap();
    for line in
        ["<<<<<<< localhost\n", "||||||| last agreed version\n", "=======\n", ">>>>>>> balaur\n"]
    {
        assert!(shown.contains(line), "{line:?}\n{shown}");
    }
    let name = fs::read_to_string(world.base().join("seen.name")).unwrap();
    assert!(name.ends_with("/plan.md\n") && !name.contains("/laptop/"), "{name}");
    let mode = fs::read_to_string(world.base().join("seen.mode")).unwrap();
    assert!(mode.starts_with("drwx------"), "{mode}");
    let text = "# Plan\n\nfirst\nsecond of the laptop\nsecond\nsecond of the server\nthird\nfourth\nfifth\n";
    merged(&world, text, OPEN_HERE, OPEN_THERE);
}

#[test]
fn marks_that_are_left_change_nothing_and_can_be_edited_on() {
    let world = clashing();
    let script = "if grep -q '^<<<<<<<' \"$1\"; then sed -i -e '/^<<<<<<</d' \"$1\"
        else grep -v -e '^|||||||' -e '^=======' -e '^>>>>>>>' \"$1\" > \"$1.new\"; mv \"$1.new\" \"$1\"; fi";
    let mut talk = Conversation::with_editor(&world, script);
    talk.answers(CHOICE, "4")
        .sees("Conflict markers are left in the text, so nothing was changed.");
    talk.answers("n back (what you edited is dropped)]:", "n").sees("Nothing was changed.");
    untouched(&world, OPEN_HERE, OPEN_THERE);
    talk.answers(CHOICE, "4").answers("Edit on?", "e").answers("Use what you edited?", "y").ends(0);
    assert_eq!(content(&world, Side::Laptop), content(&world, Side::Server));
    assert!(!content(&world, Side::Laptop).contains("<<<"));
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    for (script, words) in [
        ("echo oops > \"$1\"; exit 1", "ended with code 1"),
        ("kill -TERM $$", "was ended by signal 15"),
        ("rm \"$1\"", "left no file"),
        ("exit 0", "The text was left as it was"),
        (": > \"$1\"", "An empty text was left"),
    ] {
        let world = clashing();
        let mut talk = Conversation::with_editor(&world, script);
        talk.answers(CHOICE, "4").sees(words).sees("nothing was changed").sees(CHOICE);
        untouched(&world, OPEN_HERE, OPEN_THERE);
        talk.answers(CHOICE, "q").ends(3);
    }
}

#[test]
fn an_editor_that_is_not_there_changes_nothing() {
    let world = clashing();
    let mut talk = Conversation::sized(&world, Side::Laptop, &["resolve"], (80, 200), |command| {
        command.env("VISUAL", "/no/such/editor --wait").env("EDITOR", "true");
    });
    talk.answers(CHOICE, "4").sees("could not be found").sees("nothing was changed");
    talk.answers(CHOICE, "q").ends(3);
    untouched(&world, OPEN_HERE, OPEN_THERE);
}

#[test]
fn an_editor_that_hangs_is_interrupted_and_the_question_stands() {
    let world = clashing();
    let mut talk =
        Conversation::with_editor(&world, "echo oops > \"$1\"; echo it hangs; exec sleep 600");
    talk.answers(CHOICE, "4").sees("it hangs");
    talk.terminal.send_key(ctrl('c'));
    talk.sees("was interrupted, so nothing was changed").answers(CHOICE, "1").ends(0);
    assert_eq!(content(&world, Side::Server), OPEN_HERE);
    nothing_left(&world);
}

#[test]
fn an_editor_may_take_ctrl_c_for_itself_and_leave_the_terminal_in_disorder() {
    let world = clashing();
    let script = "trap 'caught=1' INT; stty -echo -icanon; echo ready
        while [ -z \"$caught\" ]; do sleep 0.05; done; echo mine > \"$1\"";
    let mut talk = Conversation::with_editor(&world, script);
    talk.answers(CHOICE, "4").sees("ready");
    talk.terminal.send_key(ctrl('c'));
    talk.answers("Use what you edited?", "y").sees("the merged text stands").ends(0);
    merged(&world, "mine\n", OPEN_HERE, OPEN_THERE);
}

#[test]
fn a_terminal_that_is_closed_while_the_editor_is_open_changes_nothing() {
    let world = clashing();
    let mut talk =
        Conversation::with_editor(&world, "echo mine > \"$1\"; echo ready; exec sleep 600");
    talk.answers(CHOICE, "4").sees("ready");
    talk.terminal.close();
    talk.ends(3);
    untouched(&world, OPEN_HERE, OPEN_THERE);
}

#[test]
fn an_edited_text_can_be_declined() {
    let world = clashing();
    let mut talk = Conversation::with_editor(&world, "echo mine > \"$1\"");
    talk.answers(CHOICE, "4").answers("Use what you edited?", "n").sees("Nothing was changed.");
    talk.answers(CHOICE, "q").ends(3);
    untouched(&world, OPEN_HERE, OPEN_THERE);
}

#[test]
fn a_change_while_the_editor_is_open_refuses_what_was_merged() {
    let world = clashing();
    let mut talk = Conversation::with_editor(&world, "echo mine > \"$1\"");
    talk.answers(CHOICE, "4").sees("Use what you edited?");
    world.server().write("notes/plan.md", "slipped in");
    talk.recount();
    talk.terminal.enter("y");
    talk.sees("What you edited is kept until you leave; 4 goes on with it.");
    talk.sees("changed while the question stood here, so nothing was done");
    untouched(&world, OPEN_HERE, "slipped in");
    talk.answers(CHOICE, "4").answers("Which? [k, f, n]:", "n").sees("Nothing was changed.");
    talk.answers(CHOICE, "4").answers("Which? [k, f, n]:", "k").sees("slipped in");
    talk.answers("Use what you edited?", "y").sees("the merged text stands").ends(0);
    merged(&world, "mine\n", OPEN_HERE, "slipped in");
}

#[test]
fn the_editor_is_found_as_git_finds_it() {
    let world = clashing();
    for name in ["visual", "editor", "git-editor"] {
        write_script(&world.base().join("bin").join(name), &format!("echo by {name}; exit 1"));
    }
    let config = world.base().join("gitconfig");
    fs::write(&config, "[core]\n\teditor = git-editor\n").unwrap();
    for (visual, editor, expected) in [
        (Some("visual"), Some("editor"), "by visual"),
        (Some(""), Some("editor"), "by editor"),
        (None, None, "by git-editor"),
    ] {
        let mut talk =
            Conversation::sized(&world, Side::Laptop, &["resolve"], (80, 200), |command| {
                command.env("GIT_CONFIG_GLOBAL", &config);
                visual.map(|value| command.env("VISUAL", value));
                editor.map(|value| command.env("EDITOR", value));
            });
        talk.answers(CHOICE, "4").sees(expected).answers(CHOICE, "q").ends(3);
    }
}

/// `resolve` with a merge tool that is this script; `$1` to `$4` are base, local, remote, merged.
fn with_tool<'w>(world: &'w World, script: &str) -> Conversation<'w> {
    let tool = world.base().join("bin/tool");
    write_script(&tool, script);
    let config = world.base().join("gitconfig");
    let text = format!(
        "[merge]\n\ttool = mine\n[mergetool \"mine\"]\n\ttrustExitCode = true\n\tcmd = '{}' \\\"$BASE\\\" \\\"$LOCAL\\\" \\\"$REMOTE\\\" \\\"$MERGED\\\"\n",
        tool.display()
    );
    fs::write(&config, text).unwrap();
    Conversation::sized(world, Side::Laptop, &["resolve"], (80, 200), |command| {
        command.env("GIT_CONFIG_GLOBAL", &config).env("GIT_DIR", "/nowhere").env("EDITOR", "false");
    })
}

#[test]
fn the_configured_merge_tool_gets_the_three_versions() {
    let world = clashing();
    let seen = world.base().join("seen");
    let script = format!("cat \"$1\" \"$2\" \"$3\" > '{}'; echo merged > \"$4\"", seen.display());
    let mut talk = with_tool(&world, &script);
    talk.answers(CHOICE, "4")
        .sees("t merge with your merge tool (mine) · e edit (false)")
        .answers("[t, e, n]:", "x");
    talk.answers("[t, e, n]:", "t").answers("Use what you edited?", "y").ends(0);
    assert_eq!(fs::read_to_string(&seen).unwrap(), [BASE, OPEN_HERE, OPEN_THERE].concat());
    merged(&world, "merged\n", OPEN_HERE, OPEN_THERE);
}

#[test]
fn a_merge_tool_that_fails_or_does_nothing_changes_nothing() {
    for (script, words) in [
        ("echo half > \"$4\"; exit 1", "the merge tool ended with code 1"),
        ("exit 0", "The text was left as it was"),
        (": > \"$4\"", "An empty text was left"),
        ("echo '<<<<<<< x' >> \"$4\"", "Conflict markers are left"),
    ] {
        let world = clashing();
        let mut talk = with_tool(&world, script);
        talk.answers(CHOICE, "4").answers("[t, e, n]:", "t").sees(words);
        talk.sees("nothing was changed");
        untouched(&world, OPEN_HERE, OPEN_THERE);
        talk.presses("]:", ctrl('c')).ends(130);
        untouched(&world, OPEN_HERE, OPEN_THERE);
    }
}

#[test]
fn beside_the_merge_tool_there_is_the_editor_and_the_way_back() {
    let world = clashing();
    let mut talk = with_tool(&world, "exit 1");
    talk.answers(CHOICE, "4")
        .answers("[t, e, n]:", "e")
        .sees("the editor (`false`) ended with code 1");
    talk.answers(CHOICE, "4").answers("[t, e, n]:", "n").sees("Nothing was changed.");
    talk.answers(CHOICE, "q").ends(3);
    untouched(&world, OPEN_HERE, OPEN_THERE);
}

#[test]
fn without_an_agreed_text_two_new_files_are_merged_by_hand() {
    let world = agreed();
    edit(&world, "notes/plan.md", "mine\nsame\n", "theirs\nsame\n");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::with_editor(&world, "printf 'mine\\ntheirs\\nsame\\n' > \"$1\"");
    talk.sees("4. Merge by hand").answers(CHOICE, "4").answers("Use what you edited?", "y").ends(0);
    merged(&world, "mine\ntheirs\nsame\n", "mine\nsame\n", "theirs\nsame\n");
}

#[test]
fn one_answer_for_all_merges_what_fits_and_leaves_the_rest() {
    let world = agreed();
    for name in ["a.md", "b.md"] {
        world.laptop().write(format!("notes/{name}"), BASE);
    }
    world.laptop().sync().exits(0);
    edit(&world, "notes/a.md", OPEN_HERE, FITS_THERE);
    edit(&world, "notes/b.md", OPEN_HERE, OPEN_THERE);
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.answers(CHOICE, "a").answers("s, n]: ", "m").sees("1 conflict in notes/: merged");
    talk.sees("1 stays open").sees("DETECTED: notes/b.md").answers(CHOICE, "q").ends(3);
    world.laptop().sync().exits(3).conflict_paths(["notes/b.md"]);
}
