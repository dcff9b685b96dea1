//! Vaults for tests and measurements, from a seed: notes with everything that can stand in one.
//!
//! Needs nothing but the standard library, so that examples can take it in as a file.

use std::collections::BTreeMap;

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

const FOLDERS: [&str; 9] =
    ["", "docs/", "docs/topics/", "missions/", "missions/2026/", "config/", "a/", "a/b/", "xb/"];

const WORDS: [&str; 24] = [
    "harbour", "signal", "the", "of", "lantern", "and", "brass", "mirror", "garden", "system",
    "orbit", "quiet", "river", "is", "made", "from", "glass", "letter", "night", "café", "naïve",
    "engine", "winter", "map",
];

/// A vault of about so many notes of about so many bytes, and what belongs to it.
pub(crate) fn vault(seed: u64, notes: usize, bytes: usize) -> BTreeMap<String, Vec<u8>> {
    let mut random = Random::new(seed);
    let names: Vec<String> = (0..notes).map(|number| path(&mut random, number)).collect();
    let mut files = BTreeMap::new();
    for name in &names {
        files.insert(name.clone(), note(&mut random, &names, bytes).into_bytes());
    }
    for number in 0..=notes / 20 {
        files.insert(format!("img/p{number}.png"), vec![0x89, b'P', b'N', b'G', number as u8]);
        let canvas = canvas(&mut random, &names);
        files.insert(format!("boards/c{number}.canvas"), canvas.into_bytes());
    }
    files.insert("Makefile".to_owned(), b"all:\n".to_vec());
    files.insert("data.json".to_owned(), b"{}".to_vec());
    files.insert("GEMINI.md".to_owned(), b"[[gemini]]\n".to_vec());
    files.insert("gemini.md".to_owned(), b"".to_vec());
    files
}

/// The path of a note; some names stand in several folders.
fn path(random: &mut Random, number: usize) -> String {
    let folder = random.one_of(&FOLDERS);
    match random.below(12) {
        0 => format!("{folder}note {}.md", number % 17),
        1 => format!("{folder}v{number}.2.md"),
        2 => format!("{folder}Upper{number}.MD"),
        3 => format!("{folder}café {number}.md"),
        4 => format!("{folder}q&a {number} 100%.md"),
        _ => format!("{folder}{}-{number}.md", random.one_of(&WORDS)),
    }
}

/// One note of about so many bytes.
pub(crate) fn note(random: &mut Random, names: &[String], bytes: usize) -> String {
    let mut text = match random.below(10) {
        0 => String::new(),
        1 => "---\nkey: [unclosed\n---\n".to_owned(),
        _ => properties(random, names),
    };
    text.push_str(&format!("# {}\n\n", words(random, 3)));
    while text.len() < bytes {
        block(random, names, &mut text);
    }
    text
}

fn properties(random: &mut Random, names: &[String]) -> String {
    let status = random.one_of(&["active", "done", "waiting", "no"]);
    let (year, month, day) = (2024 + random.below(3), 1 + random.below(12), 1 + random.below(28));
    let alias = words(random, 2);
    let up = stem(&names[random.below(names.len())]).to_owned();
    format!(
        "---\nstatus: {status}\ndate: {year}-{month:02}-{day:02}\npriority: {}\naliases: [\"{alias}\"]\n\
         tags: [area/{}, \"two words\", 2024]\nup: \"[[{up}]]\"\nbare: [[x]]\n---\n",
        random.below(6),
        random.one_of(&["home", "work", "work/deep"]),
    )
}

fn words(random: &mut Random, count: usize) -> String {
    let all: Vec<&str> = (0..count).map(|_| random.one_of(&WORDS)).collect();
    all.join(" ")
}

fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".md").unwrap_or(name)
}

/// A target as people write it: a name, a path, an end of one, with a slip, into nothing.
fn target(random: &mut Random, names: &[String]) -> String {
    let path = &names[random.below(names.len())];
    match random.below(14) {
        0 => path.clone(),
        1 => format!("/{path}"),
        2 => format!("./{}", stem(path)),
        3 => format!("../{}", stem(path)),
        4 => path.split_once('/').map_or(path.as_str(), |(_, rest)| rest).to_owned(),
        5 => stem(path).to_uppercase(),
        6 => format!("nowhere {}", random.below(40)),
        7 => format!("{}x", stem(path)),
        _ => stem(path).to_owned(),
    }
}

fn link(random: &mut Random, names: &[String]) -> String {
    let target = target(random, names);
    let encoded = target.replace('%', "%25").replace(' ', "%20").replace('&', "%26");
    match random.below(16) {
        0 => format!("[[{target}|the name]]"),
        1 => format!("[[{target}#{}]]", words(random, 1)),
        2 => format!("[[{target}#^b{}]]", random.below(9)),
        3 => format!("![[{target}]]"),
        4 => format!("[text]({encoded}.md)"),
        5 => format!("[text](<{target}>)"),
        6 => format!("![]({encoded})"),
        7 => format!("![[p{}.png|100x50]]", random.below(40)),
        8 => "[[#Local]] [[|bar]] [[]] []() [x](https://e.org/a.md)".to_owned(),
        9 => format!("\\[[{target}]]"),
        10 => format!("%% [[{target}]] #inline %%"),
        _ => format!("[[{target}]]"),
    }
}

/// One block, of whatever kind.
fn block(random: &mut Random, names: &[String], text: &mut String) {
    let sentence = |random: &mut Random| {
        let count = 6 + random.below(14);
        let (a, b) = (words(random, count), words(random, 3));
        match random.below(3) {
            0 => format!("{a} {} {b}.", link(random, names)),
            _ => format!("{a}, {b}."),
        }
    };
    let line = sentence(random);
    match random.below(22) {
        0 => text.push_str(&format!("## {} {}\n\n", words(random, 2), link(random, names))),
        1 => text.push_str(&format!("> [!note] {line}\n> more\n\n")),
        2 => text.push_str(&format!("- [ ] {line}\n- [x] {}\n\n", words(random, 4))),
        3 => text.push_str(&format!("```\n[[in code]] #no {line}\n```\n\n")),
        4 => text.push_str(&format!("`[[{}]]` and {line}\n\n", stem(&names[0]))),
        5 => text.push_str(&format!("<!-- [[hidden]] #no -->\n\n%%\n[[hidden]]\n%%\n\n{line}\n\n")),
        6 => text.push_str(&format!(
            "| a | b |\n|---|---|\n| [[{}\\|x]] | y |\n\n",
            target(random, names)
        )),
        7 => text.push_str(&format!(
            "{line} #tag{} #Area/Home #1984 ^b{}\n\n",
            random.below(5),
            random.below(9)
        )),
        8 => text.push_str(&format!("[^{}]: {line}\n\n", random.below(5))),
        9 => text.push_str(&format!("1. {line}\n   - {}\n\n", sentence(random))),
        10 => text.push_str(&format!("see `{}` and {line}\n\n", names[random.below(names.len())])),
        11 => {
            text.push_str(&format!("{} is in {line}\n\n", stem(&names[random.below(names.len())])));
        }
        _ => {
            let further = sentence(random);
            text.push_str(&format!("{line} {further}\n\n"));
        }
    }
}

fn canvas(random: &mut Random, names: &[String]) -> String {
    let mut name = || names[random.below(names.len())].replace('"', "");
    let (one, two, three) = (name(), name(), stem(&name()).to_owned());
    let place = r#""x":0,"y":0,"width":400,"height":300"#;
    format!(
        r##"{{"nodes":[{{"id":"a","type":"file","file":"{one}",{place}}},{{"id":"b","type":"file","file":"{two}",{place}}},{{"id":"c","type":"text","text":"see [[{three}]] #board",{place}}},{{"id":"d","type":"file","file":"not/there.md",{place}}}],"edges":[{{"id":"e","fromNode":"a","fromSide":"right","toNode":"b","toSide":"left","label":"leads to"}}]}}"##
    )
}
