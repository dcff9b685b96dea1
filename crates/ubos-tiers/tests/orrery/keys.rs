//! Everything by the keyboard.

use crate::browser::{Browser, key};
use crate::vault;

const SELECTED: &str = "document.body.dataset.selected";

/// Goes to a note by the search field.
fn go(browser: &Browser, text: &str) {
    browser.press(&["/"]);
    browser.write(text);
    browser.press(&[key::ENTER]);
}

#[test]
fn the_search_jumps_to_a_note() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.press(&["/"]);
    assert_eq!(browser.text("document.activeElement.id"), "search");
    browser.write("g");
    assert_eq!(browser.number("document.querySelectorAll('#found .hit').length"), 6);
    assert_eq!(
        browser.text(
            "document.querySelector('#found [aria-selected=true]').innerText.split('\\n')[0]"
        ),
        "Garden"
    );
    browser.press(&[key::DOWN, key::ENTER]);
    assert_eq!(browser.text(SELECTED), "machines/parts/Gear.md");
    assert_eq!(browser.text("document.activeElement.id"), "graph");
    assert_eq!(browser.value("document.getElementById('found').hidden"), true);
    browser.press(&["/"]);
    browser.write("lpb?");
    assert_eq!(browser.text("document.getElementById('search').value"), "lpb?");
    browser.press(&[key::ESCAPE]);
    assert_eq!(browser.text(SELECTED), "machines/parts/Gear.md");
}

#[test]
fn tab_and_arrows_go_through_the_neighbours_and_enter_goes_there() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.until("document.body.dataset.resting === 'yes'");
    go(&browser, "tooth");
    assert_eq!(browser.text(SELECTED), "machines/parts/Tooth.md");
    browser.press(&[key::TAB]);
    assert_eq!(browser.text("Orrery.state.candidate.title"), "Gear");
    assert!(browser.text("document.getElementById('live').textContent").contains("Gear"));
    browser.press(&[key::TAB]);
    assert_eq!(browser.text("Orrery.state.candidate.title"), "#craft/deep");
    // After the last one the focus goes on: nobody is held in the graph.
    browser.press(&[key::TAB]);
    assert_eq!(browser.value("Orrery.state.candidate"), serde_json::Value::Null);
    assert_ne!(browser.text("document.activeElement.id"), "graph");
    browser.run("document.getElementById('graph').focus();");
    browser.press(&[key::TAB, key::ENTER]);
    assert_eq!(browser.text(SELECTED), "machines/parts/Gear.md");
    // Enter without a neighbour leads to what is told of the note.
    browser.press(&[key::ENTER]);
    assert_eq!(browser.text("document.activeElement.textContent"), "#craft");
    browser.run("document.getElementById('graph').focus();");
    // An arrow goes to a neighbour that lies there.
    for (arrow, side) in
        [(key::LEFT, "x < 0"), (key::RIGHT, "x > 0"), (key::UP, "y < 0"), (key::DOWN, "y > 0")]
    {
        browser.run("Orrery.state.candidate = null;");
        browser.press(&[arrow]);
        let right = browser.value(&format!(
            "(() => {{ const [from, to] = [Orrery.state.selected, Orrery.state.candidate];
                const lies = (x, y) => {side};
                const there = Orrery.routes.neighbours(from).some((n) => lies(n.x - from.x, n.y - from.y));
                return to === null ? !there : lies(to.x - from.x, to.y - from.y); }})()"
        ));
        assert_eq!(right, true, "{side}");
    }
    browser.press(&[key::ESCAPE]);
    assert_eq!(browser.text(SELECTED), "");
    // Without a note, Tab is the browser's own.
    browser.press(&[key::TAB]);
    assert_ne!(browser.text("document.activeElement.id"), "graph");
}

#[test]
fn the_local_graph_is_as_deep_as_one_says() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    let notes = "Orrery.nodes.filter((n) => n.shown && n.kind === 'note').map((n) => n.title).sort().join(' ')";
    go(&browser, "home");
    browser.press(&["1"]);
    assert_eq!(browser.text(notes), "Engine Garden Home");
    browser.press(&["2"]);
    assert_eq!(browser.text(notes), "Engine Garden Gear Home Pond");
    browser.until("document.body.dataset.resting === 'yes'");
    browser.shot("local");
    browser.press(&["3"]);
    assert_eq!(browser.text(notes), "Engine Garden Gear Home Pond Tooth");
    assert_eq!(browser.text("document.getElementById('mode').textContent"), "local, 3 away");
    browser.press(&[key::ESCAPE]);
    assert_eq!(
        browser.number("Orrery.nodes.filter((n) => n.shown && n.kind === 'note').length"),
        7
    );
    assert_eq!(browser.text(SELECTED), "Home.md");
    browser.press(&["l"]);
    assert_eq!(browser.number("Orrery.state.local"), 2);
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn leaving_the_local_graph_puts_everything_back() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.until("document.body.dataset.resting === 'yes'");
    let places = "Orrery.nodes.filter((n) => n.shown).map((n) => `${n.path} ${Math.round(n.x)} ${Math.round(n.y)}`).join('\\n')";
    let before = browser.text(places);
    go(&browser, "home");
    browser.press(&["l"]);
    browser.until("document.body.dataset.resting === 'yes'");
    assert_ne!(browser.text(places), before);
    browser.press(&["l"]);
    browser.until("document.body.dataset.resting === 'yes'");
    assert_eq!(browser.text(places), before);
}

#[test]
fn a_path_between_two_notes_is_found_and_told() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    go(&browser, "tooth");
    browser.press(&["p"]);
    assert!(
        browser.text("document.getElementById('panel').innerText").contains("Choose the other end")
    );
    go(&browser, "pond");
    let steps = "Orrery.state.path.steps.map((step) => step.node.title).join(' ')";
    assert_eq!(browser.text(steps), "Gear Engine Home Garden Pond");
    let panel = browser.text("document.getElementById('panel').innerText");
    for words in ["5 steps", "↑ is linked from", "↓ links to", "line 1 of Gear"] {
        assert!(panel.contains(words), "{words} in {panel}");
    }
    browser.shot("path");
    browser.press(&[key::ESCAPE]);
    assert_eq!(browser.value("Orrery.state.path"), serde_json::Value::Null);
    go(&browser, "stone");
    browser.press(&["p"]);
    go(&browser, "pond");
    assert!(browser.text("document.getElementById('panel').innerText").contains("not connected"));
}

#[test]
fn everything_that_can_be_used_is_reached_with_tab_alone() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    go(&browser, "gear");
    browser.press(&["l"]);
    // Of radio buttons only the chosen one is a stop; the others are reached from it by arrows.
    browser.run(
        "document.activeElement.blur();
         window.met = new Set();
         document.addEventListener('focusin', (event) => window.met.add(event.target));",
    );
    let missed = "[...document.querySelectorAll('button, input, select, summary, a[href], [tabindex]')]
        .filter((e) => e.checkVisibility() && !e.disabled && !(e.type === 'radio' && !e.checked) && !window.met.has(e))
        .map((e) => e.outerHTML.slice(0, 80)).join(' | ')";
    for _ in 0..12 {
        browser.press(&[key::TAB; 10]);
    }
    assert_eq!(browser.text(missed), "");
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn theme_help_and_drawer_have_keys_and_names() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    let theme = "document.documentElement.dataset.theme";
    let before = browser.text(theme);
    browser.press(&["t"]);
    assert_ne!(browser.text(theme), before);
    browser.press(&["f"]);
    assert_eq!(browser.value("document.getElementById('controls').hidden"), true);
    browser.press(&["?"]);
    assert_eq!(browser.value("document.getElementById('help').open"), true);
    browser.press(&[key::ENTER]);
    assert_eq!(browser.value("document.getElementById('help').open"), false);
    // Whatever takes the focus says what it is.
    let nameless = "[...document.querySelectorAll('button, input, select, a, [tabindex]')]
        .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length";
    browser.press(&["f"]);
    go(&browser, "gear");
    browser.press(&["l"]);
    assert_eq!(browser.number(nameless), 0);
    assert_eq!(browser.console(), [""; 0]);
}
