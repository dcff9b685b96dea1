//! One text from data, style and programs.
//!
//! The page may run its own programs and nothing else: its content security policy allows no load
//! of any kind, and programs and styles only with a nonce that is a hash of all that the page
//! holds, so that nothing which stands in a note can know it. Data stand in a script element that is not
//! run, with every character escaped that could end it, and become text in the page, never markup: where
//! the browser knows trusted types, no program of the page can make markup of any text but the empty one.

use std::fmt::Write;

use super::data::Data;

const INDEX: &str = include_str!("../../../web/orrery/index.html");
const STYLE: &str = include_str!("../../../web/orrery/style.css");
const LIBRARY: &str = include_str!("../../../web/vendor/force-graph/force-graph.min.js");
const NOTICE: &str = include_str!("../../../web/vendor/force-graph/NOTICE");

/// The programs in the order in which they build on each other.
const PROGRAMS: [&str; 10] = [
    include_str!("../../../web/orrery/vault.js"),
    include_str!("../../../web/orrery/routes.js"),
    include_str!("../../../web/orrery/filters.js"),
    include_str!("../../../web/orrery/colours.js"),
    include_str!("../../../web/orrery/paint.js"),
    include_str!("../../../web/orrery/picture.js"),
    include_str!("../../../web/orrery/search.js"),
    include_str!("../../../web/orrery/panel.js"),
    include_str!("../../../web/orrery/controls.js"),
    include_str!("../../../web/orrery/start.js"),
];

/// SHA-256 of what the library adds to the page as style: two sheets, each of them empty at first.
const STYLES: [&str; 3] = [
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "jtRRMYY2VbEXuBKbHvqM1/fPT8vazFrEooXdvwUK4y8=",
    "9xjtvxMT1ApHlgn9ohbh2FNfvK5Tqtzy94BjfXBeMSY=",
];

/// The page of these data.
pub fn assemble(data: &Data) -> String {
    let json = escape(&serde_json::to_string(data).expect("data are plain values"));
    let nonce = nonce(&json);
    let length = INDEX.len() + STYLE.len() + LIBRARY.len() + NOTICE.len() + json.len();
    let mut page = String::with_capacity(length + (128 << 10));
    let mut rest = INDEX;
    while let Some((before, after)) = rest.split_once("<!-- {{") {
        let (name, after) = after.split_once("}} -->").expect("the template closes what it opens");
        page.push_str(before);
        fill(&mut page, name, &json, &nonce);
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Puts in place what the template names.
fn fill(page: &mut String, name: &str, json: &str, nonce: &str) {
    let written = match name {
        "policy" => write!(
            page,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}' 'sha256-{}' 'sha256-{}' 'sha256-{}'; \
             base-uri 'none'; form-action 'none'; \
             require-trusted-types-for 'script'; trusted-types default\">",
            STYLES[0], STYLES[1], STYLES[2]
        ),
        "style" => write!(page, "<style nonce=\"{nonce}\">\n{STYLE}</style>"),
        "notice" => write!(page, "<!--\n{NOTICE}-->"),
        "data" => write!(page, "<script type=\"application/json\" id=\"data\">{json}</script>"),
        "programs" => std::iter::once(LIBRARY)
            .chain(PROGRAMS)
            .try_for_each(|text| writeln!(page, "<script nonce=\"{nonce}\">\n{text}</script>")),
        _ => unreachable!("the template names only what is here"),
    };
    written.expect("writing to a string does not fail");
}

/// What proves that a program belongs to the page.
fn nonce(json: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [INDEX, STYLE, LIBRARY, json].into_iter().chain(PROGRAMS) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// JSON that can stand in a script element, and in which no line ends for any reader. The escaped
/// characters are found inside of strings only.
fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len() + json.len() / 32);
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(escaped, "\\u{:04x}", u32::from(c)).expect("as above");
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::page::data::{Cluster, Group, Node, NodeKind, Remark, Show};

    const HOSTILE: &str = "</script><script>alert(1)</script><!-- ]]> \" ' \\ & \u{2028}\u{2029}\u{202e}\u{0}\u{feff}";

    fn hostile() -> Data {
        let show = Show {
            tags: false,
            attachments: false,
            missing: true,
            orphans: true,
            filter: HOSTILE.into(),
            filter_trouble: Some(HOSTILE.into()),
        };
        let node = Node {
            path: HOSTILE.into(),
            title: HOSTILE.into(),
            kind: NodeKind::Note,
            folder: 0,
            degree: 0,
            tags: vec![0],
            aliases: vec![HOSTILE.into()],
            mtime: Some(0),
            size: Some(0),
            words: Some(0),
            cluster: None,
            group: None,
            filtered: false,
            preview: HOSTILE.into(),
            trouble: Some(HOSTILE.into()),
            at: [0, 0],
            belt: false,
        };
        let cluster =
            Cluster { centre: 0, folder: HOSTILE.into(), tags: vec![HOSTILE.into()], size: 2 };
        let group = Group {
            query: HOSTILE.into(),
            colour: "#000001".into(),
            trouble: Some(HOSTILE.into()),
        };
        let remark =
            Remark { label: Some(HOSTILE.into()), broken: Some(HOSTILE.into()), within: None };
        Data {
            schema: 2,
            vault: HOSTILE.into(),
            parity: false,
            show,
            folders: vec![HOSTILE.into()],
            tags: vec![HOSTILE.into()],
            kinds: Vec::new(),
            groups: vec![group],
            clusters: vec![cluster],
            nodes: vec![node],
            edges: Vec::new(),
            remarks: [(0, remark)].into(),
        }
    }

    fn data_in(page: &str) -> &str {
        let start = page.find("id=\"data\">").unwrap() + 10;
        &page[start..start + page[start..].find("</script>").unwrap()]
    }

    #[test]
    fn nothing_in_a_name_ends_the_data() {
        let data = hostile();
        let page = assemble(&data);
        let json = data_in(&page);
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(read, serde_json::to_value(&data).unwrap());
        assert_eq!(read["nodes"][0]["title"], HOSTILE);
        for bad in ['<', '>', '&', '\u{2028}', '\u{2029}', '\n'] {
            assert!(!json.contains(bad), "{bad:?}");
        }
        assert!(!page.contains("alert(1)</script>"));
    }

    #[test]
    fn the_page_is_whole_and_names_nothing_to_load() {
        let page = assemble(&hostile());
        assert!(!page.contains("{{"));
        let scripts = page.matches("<script nonce=\"").count();
        assert_eq!(scripts, 1 + PROGRAMS.len());
        assert_eq!(page.matches("</script>").count(), scripts + 1);
        for asset in [INDEX, STYLE].iter().chain(&PROGRAMS) {
            for load in [" src=", "@import", "url(http", "fetch(", "XMLHttpRequest", "innerHTML"] {
                assert!(!asset.contains(load), "{load}");
            }
        }
        assert!(!NOTICE.contains("--"), "would end the comment that carries it");
    }

    #[test]
    fn the_page_depends_on_the_data_alone_and_so_does_what_its_programs_are_known_by() {
        let (one, mut data) = (assemble(&hostile()), hostile());
        assert_eq!(one, assemble(&hostile()));
        data.vault.push('x');
        assert_ne!(nonce(data_in(&one)), nonce(data_in(&assemble(&data))));
    }
}
