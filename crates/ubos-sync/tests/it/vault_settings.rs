//! Obsidian's settings on their way: half a file never travels, and both sides' changes meet by key.

use std::time::{Duration, SystemTime};

use ubos_testkit::Side;

use crate::agreed;
use crate::policies::set_policies;

#[test]
fn half_written_settings_wait_until_they_are_whole() {
    let world = agreed();
    for path in ["notes/.obsidian/app.json", "notes/board.canvas"] {
        world.laptop().write(path, "{\"a\": 1}");
        world.laptop().sync().exits(0);
        world.laptop().write(path, "{\"a\": ");
        // An old time of modification does not make it whole.
        let long_ago = SystemTime::now() - Duration::from_secs(9999);
        world.laptop().touch(path, long_ago);
        world.laptop().sync().exits(7).skipped([(path, Side::Laptop)]).actions([]);
        world.laptop().status().exits(7);
        assert_eq!(world.server().get(path).unwrap().content().unwrap(), b"{\"a\": 1}");
        world.laptop().write(path, "{\"a\": 2}");
        world.laptop().sync().exits(0).actions([("update", path, Side::Server)]);
    }
}

#[test]
fn new_ones_wait_as_well_and_others_do_not() {
    let world = agreed();
    world.laptop().write("notes/.obsidian/hotkeys.json", "");
    world.laptop().write("notes/data.json", "{ of a person");
    world.laptop().write("notes/.obsidian/snippets/a.css", "{");
    let run = world.laptop().sync();
    run.exits(7).skipped([("notes/.obsidian/hotkeys.json", Side::Laptop)]);
    assert!(world.server().get("notes/data.json").is_some());
    assert!(world.server().get("notes/.obsidian/snippets/a.css").is_some());
    assert!(world.server().get("notes/.obsidian/hotkeys.json").is_none());
}

#[test]
fn both_sides_settings_meet_by_key_whatever_the_zoom() {
    let world = agreed();
    set_policies(&world, "\"notes/.obsidian/*.json\" = \"merge\"");
    let path = "notes/.obsidian/graph.json";
    let graph = |tags: bool, arrows: bool, scale: &str| {
        format!(
            "{{\n  \"showTags\": {tags},\n  \"showArrow\": {arrows},\n  \"mine\": 1.50,\n  \"scale\": {scale}\n}}"
        )
    };
    world.laptop().write(path, graph(false, false, "1"));
    world.laptop().sync().exits(0);
    world.laptop().write(path, graph(true, false, "0.0421"));
    world.server().write(path, graph(false, true, "2.5"));
    world.laptop().sync().exits(0);
    for side in Side::BOTH {
        let held = world.at(side).get(path).unwrap().content().unwrap().to_vec();
        assert_eq!(String::from_utf8(held).unwrap(), graph(true, true, "1"));
    }
    world.laptop().sync().exits(0).clean().actions([]);
}
