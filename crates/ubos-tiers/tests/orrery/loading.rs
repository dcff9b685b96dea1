//! The page begins without a complaint and without a word to anybody.

use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

use crate::browser::{Browser, Look};
use crate::vault;

#[test]
fn it_loads_without_errors_and_asks_for_nothing_but_itself() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.until("document.body.dataset.resting === 'yes'");
    browser.shot("small");
    assert_eq!(browser.console(), [""; 0]);
    assert_eq!(browser.requests(), [browser.address()]);
    assert_eq!(browser.text("document.title"), "Test vault · Orrery");
    assert_eq!(browser.text("document.getElementById('count').textContent"), "7 notes");
}

#[test]
fn it_could_not_load_or_run_anything_else_if_it_wanted() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let refused = browser.run_until_done(&format!(
        "const image = new Image();
         image.src = '{address}/image';
         const foreign = document.createElement('script');
         const inline = document.createElement('script');
         // Where trusted types are known, neither takes a text at all.
         const refused = [];
         for (const [made, name, text] of [[foreign, 'src', '{address}/script'], [inline, 'textContent', 'window.ran = true']]) {{
             try {{ made[name] = text; }} catch (why) {{ refused.push(why.name); }}
         }}
         const frame = document.createElement('iframe');
         frame.src = '{address}/frame';
         document.body.append(image, foreign, inline, frame);
         fetch('{address}/fetch').then(() => done('fetched'), () => done(refused.join(' ')));"
    ));
    assert_eq!(refused, "TypeError TypeError");
    std::thread::sleep(Duration::from_millis(300));
    // For a frame Chromium opens a connection ahead of time, and then is not allowed to use it.
    while let Ok((mut stream, _)) = listener.accept() {
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut asked = [0; 200];
        let length = stream.read(&mut asked).unwrap_or(0);
        assert_eq!(String::from_utf8_lossy(&asked[..length]), "");
    }
    assert_eq!(browser.text("typeof window.ran"), "undefined");
    // Nor could it make markup of a text.
    let markup = browser.text(
        "(() => { try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); return 'made'; }
            catch (refused) { return refused.name; } })()",
    );
    assert_eq!(markup, "TypeError");
}

#[test]
fn a_person_who_wants_nothing_to_move_sees_it_at_rest() {
    let look = Look { still: true, ..Look::default() };
    let Some(browser) = Browser::show_as(&vault::small(), &look) else { return };
    browser.until("document.body.dataset.resting === 'yes'");
    let place = "JSON.stringify(Orrery.nodes.map((node) => [node.x, node.y]))";
    let begun = browser.text(place);
    browser.press(&["r"]);
    browser.until("document.body.dataset.resting === 'yes'");
    let settled = browser.text(place);
    assert_ne!(settled, begun);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(browser.text(place), settled);
}

#[test]
fn it_opens_at_rest_where_the_program_placed_everything() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.until("document.body.dataset.resting === 'yes'");
    let moved = "Orrery.nodes.filter((node) => {
        const [x, y] = Orrery.data.nodes[node.id].at;
        return node.shown && (node.x !== x || node.y !== y);
    }).length";
    assert_eq!(browser.number(moved), 0);
    assert_eq!(
        browser.text("Orrery.nodes.filter((node) => node.belt).map((n) => n.title).join(' ')"),
        "Stone"
    );
    // Settling anew leaves what has no link in its place.
    browser.press(&["r"]);
    browser.until("document.body.dataset.resting === undefined");
    browser.until("document.body.dataset.resting === 'yes'");
    assert!(browser.number(moved) > 0);
    let stone = "(() => { const stone = Orrery.nodes.find((n) => n.title === 'Stone');
        return stone.x === stone.belt.x && stone.y === stone.belt.y; })()";
    assert_eq!(browser.value(stone), true);
}

#[test]
fn an_empty_vault_is_a_page_too() {
    let Some(browser) = Browser::show(&vault::page(&[], "")) else { return };
    assert_eq!(browser.text("document.getElementById('count').textContent"), "0 notes");
    browser.press(&["l", "p", "0", "r"]);
    assert_eq!(browser.console(), [""; 0]);
}

#[test]
fn all_words_stand_out_from_what_they_stand_on() {
    let Some(browser) = Browser::show(&vault::small()) else { return };
    browser.run("Orrery.travel(Orrery.search.find('home')[0]);");
    // The contrast of every text with its pane, by the formula of WCAG 2; 4.5 is what it asks for.
    let faint = "(() => {
        const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
            .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
        const probe = document.createElement('i');
        document.body.append(probe);
        const faint = [];
        for (const pane of ['--pane', '--pane-top']) {
            probe.style.color = `var(${pane})`;
            const ground = light(parts(getComputedStyle(probe).color));
            for (const e of document.querySelectorAll('.glass *')) {
                if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
                const text = light(parts(getComputedStyle(e).color));
                const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
                if (contrast < 4.5) faint.push(`${e.className || e.tagName} ${contrast.toFixed(1)}`);
            }
        }
        probe.remove();
        return faint.join('; ');
    })()";
    for _theme in 0..2 {
        assert_eq!(browser.text(faint), "");
        browser.press(&["t"]);
    }
}

#[test]
fn on_a_phone_nothing_is_wider_than_the_screen() {
    let look = Look { phone: Some((390, 844)), ..Look::default() };
    let Some(browser) = Browser::show_as(&vault::small(), &look) else { return };
    browser.until("document.body.dataset.resting === 'yes'");
    let widest = "Math.max(...[...document.querySelectorAll('body *:not(.unseen)')]
        .filter((e) => e.checkVisibility() && !e.closest('#rings'))
        .map((e) => Math.ceil(e.getBoundingClientRect().right)))";
    assert!(browser.number(widest) <= 390);
    assert_eq!(browser.value("document.getElementById('controls').hidden"), true);
    browser.run("Orrery.travel(Orrery.search.find('gear')[0]);");
    browser.shot("phone");
    assert!(browser.number(widest) <= 390);
    let panel = "document.getElementById('panel').getBoundingClientRect()";
    assert!(browser.number(&format!("Math.round({panel}.top)")) > 400);
    browser.run("document.getElementById('show-controls').click();");
    assert_eq!(browser.value("document.getElementById('controls').hidden"), false);
    assert!(browser.number(widest) <= 390);
}
