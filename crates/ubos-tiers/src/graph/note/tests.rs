//! What is a link, a tag, a heading, and what is not.

use super::*;

/// Targets of links outside the front matter, with `!` before embeds and the subpath behind.
fn links(text: &str) -> Vec<String> {
    let note = parse(text.as_bytes());
    let shown = |link: &Link| {
        let subpath = link.subpath.as_ref().map(|s| format!("#{s}")).unwrap_or_default();
        format!("{}{}{subpath}", if link.embed { "!" } else { "" }, link.target)
    };
    note.links.iter().map(shown).collect()
}

fn tags(text: &str) -> Vec<String> {
    parse(text.as_bytes()).tags.into_iter().map(|tag| tag.name).collect()
}

#[test]
fn links_of_both_kinds_are_found_with_their_parts() {
    let note = parse(b"one\nsee [[a/b#Part|the part]] and [text](c.md)\n");
    let [wiki, markdown] = &note.links[..] else { panic!("{:?}", note.links) };
    assert_eq!((wiki.target.as_str(), wiki.subpath.as_deref()), ("a/b", Some("Part")));
    assert_eq!(wiki.display.as_deref(), Some("the part"));
    assert_eq!((wiki.at, wiki.span), (Position { line: 2, column: 5 }, (8, 29)));
    assert_eq!((markdown.target.as_str(), markdown.form.clone()), ("c.md", LinkForm::Markdown));
    assert_eq!(markdown.display.as_deref(), Some("text"));
}

#[test]
fn the_first_bar_splits_what_is_shown() {
    let note = parse(b"[[note|al|ias]] | [[t\\|x]]");
    assert_eq!(note.links[0].display.as_deref(), Some("al|ias"));
    assert_eq!((note.links[1].target.as_str(), note.links[1].display.as_deref()), ("t", Some("x")));
    let table = "| a | b |\n|---|---|\n| [[n\\|x]] | [[m]] |\n";
    assert_eq!(links(table), ["n", "m"]);
}

#[test]
fn empty_links_are_none_and_bars_alone_are_names() {
    assert_eq!(links("[[]] []() [a]() [[ ]]"), Vec::<String>::new());
    assert_eq!(links("[[|]] [[|alias]] [[|#alias]]"), ["|", "|alias", "|#alias"]);
}

#[test]
fn a_link_is_cut_at_its_first_hash_mark() {
    assert_eq!(links("[[pa#th/path/x]] [x](pa#th/x.md)"), ["pa#th/path/x", "pa#th/x.md"]);
    assert_eq!(links("[[#H]] [[#^b]] [[#H#S]] [x](#H)"), ["#H", "#^b", "#H#S", "#H"]);
    assert_eq!(links("[[note#a#b|x]]"), ["note#a#b"]);
    assert_eq!(links("[[note#[^f]]] [[[x]]]"), ["note#[^f]", "x"]);
}

#[test]
fn destinations_are_decoded_and_bad_escapes_kept() {
    let text = "[x](Test%20Data/n.md) [x](<sp ace.md>) [x](q%26a.md) [x](100%25.md) [x](100%.md)";
    assert_eq!(links(text), ["Test Data/n.md", "sp ace.md", "q&a.md", "100%.md", "100%.md"]);
    assert_eq!(links("[x](sp ace.md)"), Vec::<String>::new());
    assert_eq!(links("[x](../a/note.md \"t\")"), ["../a/note.md"]);
}

#[test]
fn what_leads_out_of_the_vault_is_no_link() {
    assert_eq!(
        links("[x](https://e.org/a.md) [m](mailto:a@b) <https://e.org>"),
        Vec::<String>::new()
    );
}

#[test]
fn embeds_of_both_kinds() {
    assert_eq!(
        links("![](img/p.png) ![[p.png|100x50]] ![[n#H]]"),
        ["!img/p.png", "!p.png", "!n#H"]
    );
}

#[test]
fn nothing_in_code_counts() {
    assert_eq!(links("`[[x]]` ``[[y]] ` [[z]]``"), Vec::<String>::new());
    assert_eq!(
        links("```\n[[x]] #t\n```\n~~~\n[[y]]\n~~~\n\n    [[indented]]\n"),
        Vec::<String>::new()
    );
    assert_eq!(links("- item\n  ```\n  [[x]]\n  ```\n\n> ```\n> [[y]]\n> ```\n[[z]]"), ["z"]);
    assert_eq!(tags("`#a`\n```\n#b\n```"), Vec::<String>::new());
}

#[test]
fn comments_hide_but_not_in_the_middle_of_a_line() {
    assert_eq!(links("<!-- [[x]] #t -->\n[[y]] <!-- [[z]] -->"), ["y"]);
    assert_eq!(links("%%\n[[x]]\n%%\n[[y]]"), ["y"]);
    assert_eq!(links("text %% [[x]] #t %% more"), ["x"]);
    assert_eq!(tags("text %% [[x]] #t %% more"), ["t"]);
    assert_eq!(links("%%\n[link](x.md)\n%%"), Vec::<String>::new());
    assert_eq!(links("```\n%%\n```\n[[y]]"), ["y"]);
}

#[test]
fn escaped_brackets_are_no_link_but_a_tag_may_stand_in_them() {
    assert_eq!(links("\\[\\[#E\\]\\] \\[[x]]"), Vec::<String>::new());
    assert_eq!(tags("\\[\\[#E\\]\\]"), ["E"]);
}

#[test]
fn links_stand_anywhere_in_a_text() {
    let text = "## A [[a]]\n\n> [!note] [[b]]\n\n- [ ] [[c]]\n\n[^1]: [[d]]\n\n| x |\n|---|\n| [[e]] |\n\n<b>[[f]]</b>";
    assert_eq!(links(text), ["a", "b", "c", "d", "e", "f"]);
    let note = parse(text.as_bytes());
    assert_eq!((note.headings[0].level, note.headings[0].text.as_str()), (2, "A [[a]]"));
    assert_eq!((note.tasks[0].mark, note.tasks[0].text.as_str()), (' ', "[[c]]"));
    assert_eq!(note.footnotes[0].name, "1");
}

#[test]
fn links_of_properties_are_whole_quoted_texts() {
    let text = "---\nup: \"[[a]]\"\nlist:\n  - \"[[b|B]]\"\n  - \"[[#H]]\"\n  - plain\nbare: [[c]]\nin: \"see [[d]]\"\nmd: \"[t](e.md)\"\n---\n[[body]]\n";
    assert_eq!(links(text), ["a", "b", "#H", "e.md", "body"]);
    let note = parse(text.as_bytes());
    assert_eq!(note.links[1].form, LinkForm::FrontMatter { key: "list".into() });
    assert_eq!(note.links[1].at.line, 4);
    assert_eq!(note.links[4].at.line, 11);
}

#[test]
fn tags_of_properties() {
    assert_eq!(tags("---\ntags: [a/b, \"#c\", \"two words\", 2024]\n---\n"), ["a/b", "c"]);
    assert_eq!(tags("---\ntags: one\n---\n#two"), ["one", "two"]);
    assert_eq!(tags("---\nTags: x\n---\n"), ["x"]);
    assert_eq!(tags("---\ntag: x\n---\n"), Vec::<String>::new());
}

#[test]
fn what_is_wrong_with_properties_is_told_to_writers() {
    let error = parse(b"---\na: 1\na: 2\n---\n").property_error.unwrap();
    assert_eq!((error.line, error.message.as_str()), (3, "duplicate mapping key: a"));
}

#[test]
fn tags_of_the_body() {
    assert_eq!(
        tags("#1984 #y1984 #3344: a#b #a/b #Tag (#par) ##no #é-x_1"),
        ["y1984", "a/b", "Tag", "par", "é-x_1"]
    );
    assert_eq!(tags("https://e.org/?#no &#39; [x](y#z)"), Vec::<String>::new());
    assert_eq!(tags("# Heading #in\n"), ["in"]);
    let definitions = "see [it][a] #x\n\n[a]: #part\n[b]: c.md \"of #d\"\n[e]: <#f>\n\n#y\n";
    assert_eq!(tags(definitions), ["x", "y"]);
    assert_eq!(links("[later]: [[note]]\n"), ["note"]);
}

#[test]
fn aliases_blocks_and_words() {
    let note =
        parse(b"---\naliases: [AI, \"Other name\"]\n---\none two ^b1\n\n^alone\nx^2 no^block\n");
    assert_eq!(note.aliases, ["AI", "Other name"]);
    let blocks: Vec<&str> = note.blocks.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(blocks, ["b1", "alone"]);
    assert_eq!(note.words, 6);
}

#[test]
fn broken_properties_leave_the_body_readable() {
    let note = parse(b"---\na: 1\nb: [unclosed\n---\n[[x]] #t\n");
    assert!(note.properties.is_empty());
    let error = note.property_error.as_ref().unwrap();
    assert!((2..=4).contains(&error.line), "{error:?}");
    assert_eq!((note.links.len(), note.tags.len()), (1, 1));
    let late = parse(b"text\n---\na: \"[[x]]\"\n---\n[[y]]");
    assert!(late.properties.is_empty() && late.property_error.is_none());
    assert_eq!(late.links.len(), 2);
}

#[test]
fn plain_words_of_yaml_are_texts() {
    let note = parse(b"---\nanswer: no\nok: true\nn: 3\n---\n");
    assert_eq!(note.properties["answer"], "no");
    assert_eq!(note.properties["ok"], true);
    assert_eq!(note.properties["n"], 3);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_do_not_matter() {
    let note = parse("\u{feff}---\r\nup: \"[[a]]\"\r\n---\r\n[[b]]\r\n".as_bytes());
    let targets: Vec<&str> = note.links.iter().map(|l| l.target.as_str()).collect();
    assert_eq!(targets, ["a", "b"]);
}

#[test]
fn hostile_notes_are_read_in_reasonable_time() {
    let begun = std::time::Instant::now();
    let hostile = [
        "[[".repeat(500_000),
        "[[x]] ".repeat(200_000),
        "[".repeat(1_000_000),
        "![](".repeat(300_000),
        "<!--".repeat(300_000),
        "%%\n".repeat(300_000),
        "> ".repeat(50_000),
        "`".repeat(1_000_000),
        "#".repeat(1_000_000),
        "\\".repeat(1_000_000) + "[[x]]",
        "\\[[".repeat(300_000),
        "---\n".to_owned() + &"- ".repeat(100_000) + "\n---\n",
        "---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n---\n".to_owned(),
    ];
    for text in &hostile {
        parse(text.as_bytes());
    }
    parse(&[0xff, 0xfe, b'[', b'[', 0x80, b']', b']']);
    // Linear work takes a fraction of this even unoptimised; quadratic work takes hours.
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn a_note_survives_being_stored() {
    let note = parse(b"---\na: {b: [1, \"[[x]]\"]}\n---\n# H\n- [x] t #tag ^b\n");
    let stored = postcard::to_stdvec(&note).unwrap();
    assert_eq!(postcard::from_bytes::<Note>(&stored).unwrap(), note);
    let json = serde_json::to_string(&note).unwrap();
    assert_eq!(serde_json::from_str::<Note>(&json).unwrap(), note);
}
