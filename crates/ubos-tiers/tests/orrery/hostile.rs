//! Whatever a vault says stays text.

use crate::browser::Browser;
use crate::vault;

const MARKUP: &str = "<img src=x onerror=window.hacked=1>";

#[test]
fn names_that_look_like_markup_appear_as_they_are_written() {
    let note = format!(
        "---\naliases: ['{MARKUP} alias']\n\"{MARKUP}\": \"[[other]]\"\ntags: ['<b>']\n---\n\
         </script><script>window.hacked = 2</script>\n<!-- {MARKUP}\n\
         [click](javascript:window.hacked=3) <svg onload=window.hacked=4>\n\
         [[{MARKUP} gone]] [[other#{MARKUP} heading]] **{MARKUP}** `{MARKUP}`\n"
    );
    let canvas = format!(
        r#"{{"nodes": [{{"id": "1", "type": "file", "file": "{MARKUP}.md"}},
            {{"id": "2", "type": "file", "file": "other.md"}}],
            "edges": [{{"id": "e", "fromNode": "1", "toNode": "2", "label": "{MARKUP} label"}}]}}"#
    );
    let strange = "turned \u{202e}round\u{2028}\u{0}\u{200b} \"quotes\" '&amp;.md".to_owned();
    let files = [
        (format!("{MARKUP}.md"), note),
        ("other.md".to_owned(), String::new()),
        (strange, format!("{MARKUP} preview")),
        ("board.canvas".to_owned(), canvas),
        ("broken.canvas".to_owned(), MARKUP.to_owned()),
        (format!("{MARKUP}/in a folder.md"), String::new()),
    ];
    let settings = format!(
        r#"{{"search": "-path:\"{MARKUP} search\"", "colorGroups":
            [{{"query": "path:\"{MARKUP} group\"", "color": {{"a": 1, "rgb": 1}}}}]}}"#
    );
    let Some(browser) = Browser::show(&vault::page(&files, &settings)) else { return };
    let mut seen = String::new();
    for number in 0..browser.number("Orrery.nodes.length") {
        browser.run(&format!("Orrery.travel(Orrery.nodes[{number}]);"));
        seen += &browser.text("document.getElementById('panel').textContent");
        browser.run("Orrery.release();");
    }
    browser.press(&["b"]);
    seen += &browser.text("document.getElementById('panel').textContent");
    browser.run("Orrery.search.ask('img');");
    seen += &browser.text("document.getElementById('found').textContent");
    seen += &browser.text("document.getElementById('controls').textContent");
    for ending in ["", ".md", " alias", " gone", " heading", " label", " preview", " group"] {
        assert!(seen.contains(&format!("{MARKUP}{ending}")), "{ending}");
    }
    for words in ["</script><script>window.hacked = 2</script>", "<!-- <img"] {
        assert!(seen.contains(words), "{words}");
    }
    assert!(seen.contains("[click](javascript:window.hacked=3) <svg onload"));
    assert!(seen.contains("turned \\u{202e}round\\u{2028}\\u{0}\\u{200b} \"quotes\" '&amp;"));
    assert_eq!(
        browser.number("document.querySelectorAll('img, iframe, b:not(.figures b)').length"),
        0
    );
    // Nothing is run by an attribute, and every link but the one to the search leads to Obsidian.
    let strange = "[...document.querySelectorAll('*')].filter((e) => e.localName === 'svg' && !e.ariaHidden
        || [...e.attributes].some((a) => a.name.startsWith('on') || /javascript:/i.test(a.value) && a.name === 'href')
        || e.href && e.localName === 'a' && !e.href.startsWith('obsidian://') && e.className !== 'skip').length";
    assert_eq!(browser.number(strange), 0);
    assert_eq!(browser.text("typeof window.hacked"), "undefined");
    assert_eq!(browser.console(), [""; 0]);
    assert_eq!(browser.requests(), [browser.address()]);
}

#[test]
fn a_link_to_obsidian_cannot_become_anything_else() {
    let files = [("a&file=b#c?d %41.md".to_owned(), String::new())];
    let Some(browser) = Browser::show(&vault::page(&files, "")) else { return };
    browser.run("Orrery.travel(Orrery.nodes[0]);");
    let link = browser.text("document.querySelector('#panel a').getAttribute('href')");
    let expected = "obsidian://open?vault=Test%20vault&file=a%26file%3Db%23c%3Fd%20%2541.md";
    assert_eq!(link, expected);
}
