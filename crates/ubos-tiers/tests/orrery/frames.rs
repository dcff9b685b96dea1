//! A large vault: that it works at all, and, on demand, how fluently.

use serde_json::Value;

use crate::browser::Browser;
use crate::vault;

#[test]
fn five_thousand_notes_are_shown_and_found() {
    let Some(browser) = Browser::show(&vault::large(5_000)) else { return };
    assert_eq!(browser.text("document.getElementById('count').textContent"), "5,000 notes");
    browser.run("Orrery.travel(Orrery.search.find('note 4321')[0]);");
    assert!(browser.text("document.body.dataset.selected").ends_with("/note 4321.md"));
    browser.press(&["l"]);
    assert!(browser.number("Number(document.body.dataset.shown)") < 2_500);
    assert_eq!(browser.console(), [""; 0]);
}

/// Collects the time of each frame for some seconds; while `moving`, the graph is dragged about.
fn frames(browser: &Browser, name: &str, moving: bool) {
    let times = browser.run_until_done(&format!(
        "const canvas = document.querySelector('#graph canvas');
         const times = [];
         const end = performance.now() + 4000;
         let last = performance.now();
         const mouse = (to, type, at) => to.dispatchEvent(new MouseEvent(type, {{ bubbles: true, view: window,
             clientX: 640 + 200 * Math.sin(at / 10), clientY: 360 + 100 * Math.cos(at / 10) }}));
         function frame(now) {{
             times.push(now - last);
             last = now;
             if ({moving}) mouse(times.length === 1 ? canvas : window, times.length === 1 ? 'mousedown' : 'mousemove', times.length);
             if (now < end) return void requestAnimationFrame(frame);
             if ({moving}) mouse(window, 'mouseup', times.length);
             done(times.slice(2));
         }}
         requestAnimationFrame(frame);"
    ));
    let mut times: Vec<f64> = times.as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!(
        "{name:<22} {:>4} frames, ms per frame: median {:.1}, 95 % {:.1}, longest {:.1}",
        times.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
}

#[test]
#[ignore = "measures, judges nothing: run it alone, with --nocapture"]
fn measure_the_frames_of_five_thousand_notes() {
    let page = vault::large(5_000);
    println!("page: {} bytes", page.len());
    let Some(browser) = Browser::show(&page) else { return };
    let loaded = "Math.round(performance.timing.domComplete - performance.timing.navigationStart)";
    println!(
        "loaded in {} ms; {} nodes, {} edges",
        browser.number(loaded),
        browser.number("Orrery.nodes.length"),
        browser.number("Orrery.edges.length")
    );
    frames(&browser, "while it settles", false);
    browser.until("document.body.dataset.resting === 'yes'");
    println!("at rest after {} ms", browser.number("Math.round(performance.now())"));
    frames(&browser, "at rest", false);
    frames(&browser, "dragged, all in sight", true);
    browser.run("Orrery.picture.zoom(5);");
    std::thread::sleep(std::time::Duration::from_secs(1));
    frames(&browser, "dragged, near", true);
    browser.shot("large");
}
