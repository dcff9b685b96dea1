//! `graph export --html` and `graph open`: where the page goes, and who can read it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ubos_testkit::World;
use ubos_testkit::process::{Outcome, Running, TIME_LIMIT};

use crate::BINARY;

/// A folder with two notes, in a world without a pair.
fn vault(world: &World) -> PathBuf {
    let vault = world.base().join("My <notes>");
    fs::create_dir_all(vault.join(".obsidian")).unwrap();
    fs::write(vault.join("one.md"), "[[two]] and the words of one").unwrap();
    fs::write(vault.join("two.md"), "").unwrap();
    let settings = r#"{"colorGroups": [{"query": "file:one", "color": {"a": 1, "rgb": 3900150}}]}"#;
    fs::write(vault.join(".obsidian/graph.json"), settings).unwrap();
    vault
}

fn call(world: &World, args: &[&str], dir: &Path) -> Outcome {
    let mut command: Command = world.command(Path::new(BINARY));
    command.args(args).current_dir(dir);
    // Without a screen, whatever the machine has.
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env("SSH_CONNECTION", "a b");
    command.env("TMPDIR", world.base());
    Running::start(command, &world.base().join("output")).finish(TIME_LIMIT)
}

#[track_caller]
fn is_private_page(file: &Path) {
    let page = fs::read_to_string(file).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("and the words of one") && page.contains("#3b82f6"));
    assert!(page.contains(r"My \u003cnotes\u003e"), "the vault's name");
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_page_is_written_where_one_says_and_nothing_into_the_vault() {
    let world = World::empty(BINARY);
    let vault = vault(&world);
    let file = world.base().join("page.html");
    let outcome = call(&world, &["graph", "export", "--html", "../page.html", "--json"], &vault);
    let document = outcome.exits(0).json();
    assert_eq!(document["bytes"], fs::metadata(&file).unwrap().len());
    is_private_page(&file);
    let mut names: Vec<_> =
        fs::read_dir(&vault).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".obsidian", "one.md", "two.md"]);
}

#[test]
fn guesses_are_in_the_page_where_one_asks_for_them() {
    let world = World::empty(BINARY);
    let vault = vault(&world);
    fs::write(vault.join("three.md"), "as is said in one.md").unwrap();
    let kinds = |flag: &[&str]| {
        let args = [&["graph", "export", "--html"], flag].concat();
        let outcome = call(&world, &args, &vault);
        let page = String::from_utf8(outcome.exits(0).stdout.clone()).unwrap();
        let json = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
        let data: serde_json::Value = serde_json::from_str(json).unwrap();
        let mut kinds: Vec<String> = data["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edge| data["kinds"][edge[2].as_u64().unwrap() as usize].as_str().unwrap().into())
            .collect();
        kinds.sort();
        (kinds.join(" "), data["parity"] == true)
    };
    assert_eq!(kinds(&[]), ("link".to_owned(), false));
    assert_eq!(kinds(&["--parity"]), ("link".to_owned(), true));
    assert_eq!(kinds(&["--soft"]), ("link path-mention".to_owned(), false));
}

#[test]
fn without_a_file_the_page_is_the_answer() {
    let world = World::empty(BINARY);
    let vault = vault(&world);
    let vault = vault.to_str().unwrap();
    let outcome = call(&world, &["graph", "export", "--vault", vault, "--html"], world.base());
    assert!(outcome.exits(0).stdout.starts_with(b"<!doctype html>"));
    let outcome = call(&world, &["graph", "export", "--vault", vault], world.base());
    assert!(outcome.exits(0).stdout.starts_with(b"{"), "without the option it is for programs");
}

#[test]
fn without_a_screen_open_says_where_the_page_is() {
    let world = World::empty(BINARY);
    let vault = vault(&world);
    let outcome =
        call(&world, &["graph", "open", "--vault", vault.to_str().unwrap()], world.base());
    let said = String::from_utf8(outcome.exits(0).stdout.clone()).unwrap();
    let file = PathBuf::from(said.trim());
    assert!(file.starts_with(world.base()), "{}", file.display());
    is_private_page(&file);
    let folder = fs::metadata(file.parent().unwrap()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

#[test]
fn in_a_territory_the_page_lies_in_its_private_folder() {
    let world = crate::agreed();
    world.laptop().write("notes/a.md", "[[b]]");
    let outcome = call(&world, &["graph", "open", "--json"], &world.laptop().root());
    let document = outcome.exits(0).json();
    assert_eq!(document["opened"], false);
    let file = world.laptop().root().join(".ubos-sync/state/graph/orrery.html");
    assert_eq!(document["file"].as_str(), file.to_str());
    assert!(fs::read_to_string(file).unwrap().contains("notes/a.md"));
}
