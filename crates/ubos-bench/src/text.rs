//! What the corpora's files say: notes with headings, links and tags; log lines in JSON.

use std::io::Write as _;

use crate::random::Random;

const WORDS: [&str; 32] = [
    "harbour", "ledger", "signal", "bridge", "lantern", "compass", "engine", "archive", "meadow",
    "council", "anchor", "valley", "copper", "thread", "winter", "station", "garden", "river",
    "atlas", "forge", "beacon", "orchard", "the", "of", "and", "to", "in", "a", "is", "with",
    "for", "on",
];

/// A note of `size` bytes (at least one), which ends with a line end.
pub(crate) fn note(random: &mut Random, index: u64, size: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(size + 256);
    line(&mut text, format_args!("---\ntags: [{}]\nid: {index}\n---\n", word(random)));
    line(&mut text, format_args!("# {} {} {index}\n", word(random), word(random)));
    while text.len() < size {
        match random.below(12) {
            0 => line(&mut text, format_args!("\n## {} {}\n", word(random), word(random))),
            1 => line(&mut text, format_args!("- see [[note-{:07}]]\n", random.below(index + 1))),
            2 => line(&mut text, format_args!("- [ ] {} #{}\n", word(random), word(random))),
            _ => sentence(random, &mut text),
        }
    }
    text.truncate(size.max(1));
    *text.last_mut().expect("a note is not empty") = b'\n';
    text
}

/// Appends one line of the log, numbered `number`.
pub(crate) fn log_line(random: &mut Random, number: u64, out: &mut Vec<u8>) {
    line(
        out,
        format_args!(
            "{{\"seq\":{number},\"at\":{},\"kind\":\"{}\",\"actor\":\"{}\",\"token\":\"{:016x}\",\"text\":\"",
            1_700_000_000 + number,
            word(random),
            word(random),
            random.next(),
        ),
    );
    for _ in 0..6 + random.below(12) {
        out.extend_from_slice(word(random).as_bytes());
        out.push(b' ');
    }
    out.extend_from_slice(b"\"}\n");
}

fn sentence(random: &mut Random, text: &mut Vec<u8>) {
    for _ in 0..8 + random.below(16) {
        text.extend_from_slice(word(random).as_bytes());
        text.push(b' ');
    }
    text.extend_from_slice(b".\n");
}

fn word(random: &mut Random) -> &'static str {
    WORDS[random.below(WORDS.len() as u64) as usize]
}

fn line(text: &mut Vec<u8>, content: std::fmt::Arguments<'_>) {
    text.write_fmt(content).expect("writing to memory cannot fail");
}
