//! Finding, filtering and following with the pointer.

use crate::browser::Browser;
use crate::vault;

/// The paths of what is shown, sorted, in one line.
const SHOWN: &str =
    "Orrery.nodes.filter((node) => node.shown).map((node) => node.path).sort().join(' ')";
const ALL: &str = "#craft #craft/deep #green Home.md Lost machines/Engine.md \
    machines/parts/Gear.md machines/parts/Tooth.md nature/Garden.md nature/Pond.md nature/Stone.md";

/// Clicks the box with these words in the drawer.
fn tick(browser: &Browser, section: &str, words: &str) {
    let found = browser.run(&format!(
        "const box = [...document.querySelectorAll('#controls section')]
             .filter((section) => section.querySelector('h3').textContent === '{section}')
             .flatMap((section) => [...section.querySelectorAll('label.box')])
             .find((label) => label.querySelector('.words').textContent === '{words}');
         if (!box) return false;
         box.querySelector('input').click();
         return true;"
    ));
    assert_eq!(found, true, "{section}: {words}");
}

#[test]
fn what_the_vaults_settings_say_is_shown_in_their_colours() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    assert_eq!(browser.text(SHOWN), ALL);
    let colour = |path: &str| {
        browser.text(&format!("Orrery.nodes.find((node) => node.path === '{path}').colour"))
    };
    assert_eq!(colour("machines/parts/Gear.md"), "#3b82f6");
    assert_eq!(colour("nature/Pond.md"), "#22c55e");
    assert_ne!(colour("nature/Stone.md"), "#22c55e");
    let legend = browser.text("document.querySelector('.legend').textContent");
    assert_eq!(legend, r"path:/^machines\//3tag:#green1everything else3");
    browser.press(&["c"]);
    let legend = browser.text("document.querySelector('.legend').textContent");
    assert!(legend.contains("Engine") || legend.contains("Gear"), "{legend}");
    browser.press(&["c"]);
    assert!(browser.text("document.querySelector('.legend').textContent").starts_with("machines3"));
}

#[test]
fn filters_hide_and_show_again() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    tick(&browser, "Folders", "machines");
    assert_eq!(
        browser.text(SHOWN),
        "#green Home.md Lost nature/Garden.md nature/Pond.md nature/Stone.md"
    );
    assert_eq!(browser.text("document.getElementById('count').textContent"), "4 of 7 notes");
    tick(&browser, "Folders", "machines");
    tick(&browser, "Folders", "parts");
    assert!(!browser.text(SHOWN).contains("Gear") && browser.text(SHOWN).contains("Engine"));
    browser.run("document.getElementById('reset').click();");
    assert_eq!(browser.text(SHOWN), ALL);
    tick(&browser, "Shown", "Tags");
    assert!(!browser.text(SHOWN).contains('#'));
    tick(&browser, "Shown", "Missing names");
    assert!(!browser.text(SHOWN).contains("Lost"));
    tick(&browser, "Shown", "Attachments");
    assert!(browser.text(SHOWN).contains("plan.png"));
    tick(&browser, "Edges", "Embeds");
    assert!(!browser.text(SHOWN).contains("plan.png"), "nothing holds it up any more");
    tick(&browser, "Shown", "Notes without links");
    assert!(!browser.text(SHOWN).contains("Stone"));
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn a_tag_and_a_time_leave_only_what_has_them() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.run(
        "const tag = document.getElementById('tag');
         tag.value = 'craft';
         tag.dispatchEvent(new Event('change'));",
    );
    let craft =
        "#craft #craft/deep machines/Engine.md machines/parts/Gear.md machines/parts/Tooth.md";
    assert_eq!(browser.text(SHOWN), craft);
    browser.run("document.getElementById('reset').click();");
    // The files are a day apart each, in the order in which the vault has them.
    browser.run(
        "const until = document.getElementById('until');
         until.value = 1;
         until.dispatchEvent(new Event('input'));",
    );
    assert_eq!(browser.text(SHOWN), "#craft Home.md Lost machines/Engine.md");
    assert_eq!(browser.text("document.getElementById('mode').textContent"), "filtered");
}

#[test]
fn the_search_finds_by_title_other_name_path_and_tag() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    let find = |text: &str| {
        browser.text(&format!("Orrery.search.find('{text}').map((n) => n.title).join(' ')"))
    };
    assert_eq!(find("gea"), "Gear");
    assert_eq!(find("motor"), "Engine");
    assert_eq!(find("nature/"), "Garden Pond Stone");
    assert_eq!(find("#craft"), "#craft #craft/deep Engine Gear Tooth");
    assert_eq!(find("parts to"), "Tooth");
    assert_eq!(find("nothing like it"), "");
    assert_eq!(find("path:nature -pond"), "Garden Stone");
    assert_eq!(find("-file:g path:parts"), "Tooth");
    assert_eq!(find("tag:craft/deep"), "#craft/deep Tooth");
    assert_eq!(find("\"Home.md\""), "Home");
}

#[test]
fn the_search_says_what_it_looks_at_and_what_it_does_not() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    let scope = |text: &str| {
        browser.run(&format!("Orrery.search.ask('{text}');"));
        browser.text("document.getElementById('scope').textContent")
    };
    let said = scope("gear");
    assert!(said.starts_with("1 found") && said.contains("titles, other names, paths"), "{said}");
    assert!(said.contains("ubos-sync graph search"), "{said}");
    for beyond in ["line:(a b)", "[status:done]", "/ge.r/", "gear OR pond", "content:x"] {
        let said = scope(beyond);
        assert!(said.contains("is not looked at here"), "{beyond}: {said}");
        assert_eq!(browser.number("document.querySelectorAll('#found .hit').length"), 0);
    }
    assert!(scope("12:30").starts_with("Nothing found"), "a time is a word");
}

#[test]
fn its_clusters_are_those_that_the_program_answers() {
    let ring = |from: usize, to: usize| {
        (from..to).map(move |n| {
            let next = if n + 1 < to { n + 1 } else { from };
            (format!("ring {from}/n{n}.md"), format!("[[n{next}]] [[n{from}]]"))
        })
    };
    let files: Vec<(String, String)> = ring(0, 5)
        .chain(ring(5, 12))
        .chain([("alone.md".to_owned(), "[[nobody]]".to_owned())])
        .collect();
    let made = vault::Made::of(&files, false);
    let Some(browser) = Browser::show(&made.page("")) else { return };
    let asked: Vec<serde_json::Value> = made
        .clusters()
        .clusters
        .iter()
        .map(|cluster| {
            let mut files = cluster.files.clone();
            files.sort();
            serde_json::json!([cluster.centre, files])
        })
        .collect();
    assert_eq!(asked.len(), 2);
    let shown = browser.value(
        "Orrery.clusters.map((c) => [c.centre.path, c.nodes.map((node) => node.path).sort()])",
    );
    assert_eq!(shown, serde_json::Value::from(asked));
    let legend = browser.text("document.querySelector('.legend').textContent");
    assert_eq!(legend, "n57n05everything else1");
}

#[test]
fn guesses_are_told_from_what_somebody_wrote() {
    let files = [
        ("Harbour.md", "It is in docs/plan.md, as is said."),
        ("docs/plan.md", "Ships lie in the Harbour by night. [[a]]"),
        ("docs/plan 2.md", "other"),
        ("a.md", ""),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()));
    let Some(browser) = Browser::show(&vault::Made::of(&files, true).page("")) else { return };
    let lines = "Orrery.lines.filter((line) => line.shown)
        .map((line) => [line.source.title, line.target.title].sort().join(' - ') + ': ' + line.look)
        .sort().join('; ')";
    let written = "a - plan: line";
    let all = format!("Harbour - plan: guessed; {written}; plan - plan 2: guessed");
    assert_eq!(browser.text(lines), all);
    browser.run("Orrery.travel(Orrery.search.find('Harbour')[0]);");
    let panel = browser.text("document.getElementById('panel').innerText").to_lowercase();
    for words in ["guessed", "path in prose", "mention"] {
        assert!(panel.contains(words), "{words} in {panel}");
    }
    browser.shot("guesses");
    for kind in ["Paths in prose", "Unlinked mentions", "Copies"] {
        tick(&browser, "Edges", kind);
    }
    assert_eq!(browser.text(lines), written);
    assert_eq!(browser.text("document.getElementById('mode').textContent"), "filtered");
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn in_parity_only_what_obsidian_counts_is_there_and_the_page_says_so() {
    let canvas = r#"{"nodes": [{"id": "1", "type": "file", "file": "alpha.md"},
        {"id": "2", "type": "file", "file": "beta.md"}],
        "edges": [{"id": "e", "fromNode": "1", "toNode": "2"}]}"#;
    let files = [("alpha.md", "as beta.md says"), ("beta.md", ""), ("c.canvas", canvas)]
        .map(|(path, text)| (path.to_owned(), text.to_owned()));
    let mut made = vault::Made::of(&files, true);
    let kinds = "[...new Set(Orrery.edges.map((edge) => edge.kind))].sort().join(' ')";
    let Some(browser) = Browser::show(&made.page("")) else { return };
    assert_eq!(browser.text(kinds), "canvas-arrow canvas-file path-mention");
    made.parity = true;
    let Some(browser) = Browser::show(&made.page("")) else { return };
    assert_eq!(browser.text(kinds), "canvas-file");
    assert_eq!(
        browser.text("document.getElementById('mode').textContent"),
        "Obsidian’s links only"
    );
}

#[test]
fn a_click_chooses_a_note_and_its_links_lead_on() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.until("document.body.dataset.resting === 'yes'");
    let place = |axis: &str| {
        let gear = "Orrery.nodes.find((node) => node.title === 'Gear')";
        let place = browser.value(&format!("Math.round(Orrery.picture.screen({gear}).{axis})"));
        place.as_i64().unwrap()
    };
    // What lies under the pointer is known to the library a moment after the picture stands still.
    std::thread::sleep(std::time::Duration::from_millis(1200));
    browser.click(place("x"), place("y"));
    browser.until("document.body.dataset.selected === 'machines/parts/Gear.md'");
    let panel = browser.text("document.getElementById('panel').innerText");
    for words in ["Gear", "machines/parts/Gear.md", "#craft", "Tooth", "Engine", "line 1"] {
        assert!(panel.contains(words), "{words} in {panel}");
    }
    browser.run(
        "[...document.querySelectorAll('#panel .way')].find((b) => b.innerText.includes('Tooth')).click();",
    );
    browser.until("document.body.dataset.selected === 'machines/parts/Tooth.md'");
    assert_eq!(
        browser.text("document.querySelector('#panel .preview strong').textContent"),
        "sharp"
    );
}

#[test]
fn broken_links_are_shown_as_such() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.press(&["b"]);
    let panel = browser.text("document.getElementById('panel').innerText");
    for words in ["Lost", "in Home", "Garden", "no “Nowhere” there"] {
        assert!(panel.contains(words), "{words} in {panel}");
    }
    let lit = "[...Orrery.panel.brokenEnds()].map((node) => node.title).sort().join(' ')";
    assert_eq!(browser.text(lit), "Garden Home Lost");
    browser.shot("broken");
    browser.run("document.querySelector('#panel .way.missing').click();");
    let panel = browser.text("document.getElementById('panel').innerText");
    assert!(panel.contains("no file has this name") && panel.contains("Home"), "{panel}");
}
