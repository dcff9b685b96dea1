//! Whole pictures, to the last blank.

use super::*;

const BASE: &str = "last agreed version";
const OLD: &str = "# Plan\n\nThe forge is in the north wing.\nIt opens on Monday.\nEverybody is invited, also those who have never held a hammer in their lives.\n\n- coal\n- iron\n\nBring gloves.\nBring water.\n\nBring a friend.\n\nAt noon we eat.\n\nNotes follow.\nNobody reads them.\nEnd.\n";
const NEW: &str = "# Plan\n\nThe forge is in the south wing.\nIt opens on Monday.\nEverybody is invited, even those who have never held a heavy hammer in their lives.\n\n- coal\n- iron\n- brass\n\nBring gloves.\nBring water.\n\nBring a friend.\n\nAt noon we eat.\n\nNotes follow.\nEnd.\n";

fn of<'a>(label: &'a str, bytes: &'a (impl AsRef<[u8]> + ?Sized)) -> Shown<'a> {
    Shown { label, bytes: Some(bytes.as_ref()) }
}

fn missing(label: &str) -> Shown<'_> {
    Shown { label, bytes: None }
}

/// The difference of two contents on a terminal of 80 columns without colour.
fn plain(old: &[u8], new: &[u8]) -> String {
    two(&of("localhost", old), &of("balaur", new), 80, &Ui::fixed(80, false))
}

#[track_caller]
fn check(actual: &str, expected: &str) {
    assert_eq!(actual, expected.trim_start_matches('\n'), "\n{actual}");
}

#[test]
fn narrow() {
    check(
        &two(&of(BASE, OLD), &of("balaur", NEW), 40, &Ui::fixed(40, false)),
        r"
- last agreed version
+ balaur
2 lines changed, 1 added, 1 removed.

 1   # Plan
 2
 3 - The forge is in the north wing.
                         ^^^^^
 3 + The forge is in the south wing.
                         ^^^^^
 4   It opens on Monday.
 5 - Everybody is invited, also those
                           ^^^^
     who have never held a hammer in
     their lives.
 5 + Everybody is invited, even those
                           ^^^^
     who have never held a heavy hammer
                           ^^^^^^
     in their lives.
 6
 7   - coal
 8   - iron
 9 + - brass
10
11   Bring gloves.
12   Bring water.
… 3 equal lines …
16   At noon we eat.
17
18   Notes follow.
18 - Nobody reads them.
19   End.
",
    );
}

#[test]
fn usual() {
    check(
        &two(&of(BASE, OLD), &of("balaur", NEW), 80, &Ui::fixed(80, false)),
        r"
- last agreed version
+ balaur
2 lines changed, 1 added, 1 removed.

 1   # Plan
 2
 3 - The forge is in the north wing.
                         ^^^^^
 3 + The forge is in the south wing.
                         ^^^^^
 4   It opens on Monday.
 5 - Everybody is invited, also those who have never held a hammer in their
                           ^^^^
     lives.
 5 + Everybody is invited, even those who have never held a heavy hammer in
                           ^^^^                             ^^^^^^
     their lives.
 6
 7   - coal
 8   - iron
 9 + - brass
10
11   Bring gloves.
12   Bring water.
… 3 equal lines …
16   At noon we eat.
17
18   Notes follow.
18 - Nobody reads them.
19   End.
",
    );
}

#[test]
fn side_by_side() {
    check(
        &two(&of(BASE, OLD), &of("balaur", NEW), 140, &Ui::fixed(140, false)),
        r"
2 lines changed, 1 added, 1 removed.

last agreed version                                                  │ balaur
 1   # Plan                                                          │  1   # Plan
 2                                                                   │  2
 3 - The forge is in the north wing.                                 │  3 + The forge is in the south wing.
                         ^^^^^                                       │                          ^^^^^
 4   It opens on Monday.                                             │  4   It opens on Monday.
 5 - Everybody is invited, also those who have never held a hammer … │  5 + Everybody is invited, even those who have never held a heavy h…
                           ^^^^                                      │                            ^^^^                             ^^^^^^
 6                                                                   │  6
 7   - coal                                                          │  7   - coal
 8   - iron                                                          │  8   - iron
                                                                     │  9 + - brass
 9                                                                   │ 10
10   Bring gloves.                                                   │ 11   Bring gloves.
11   Bring water.                                                    │ 12   Bring water.
… 3 equal lines …
15   At noon we eat.                                                 │ 16   At noon we eat.
16                                                                   │ 17
17   Notes follow.                                                   │ 18   Notes follow.
18 - Nobody reads them.                                              │
19   End.                                                            │ 19   End.
",
    );
}

#[test]
fn colour_marks_words_and_leaves_out_the_rows_of_marks() {
    let shown = two(&of("a", "one two\n"), &of("b", "one 2\n"), 80, &Ui::fixed(80, true));
    check(
        &shown.replace('\x1b', "ESC"),
        "ESC[31m- aESC[0m\nESC[32m+ bESC[0m\n1 line changed.\n\n\
         ESC[2m1ESC[0m ESC[31m-ESC[0m ESC[31mone ESC[0mESC[1mESC[4mESC[31mtwoESC[0m\n\
         ESC[2m1ESC[0m ESC[32m+ESC[0m ESC[32mone ESC[0mESC[1mESC[4mESC[32m2ESC[0m\n",
    );
    let wide = two(&of("a", "one two\n"), &of("b", "one 2\n"), 140, &Ui::fixed(140, true));
    assert!(wide.contains("one \x1b[0m\x1b[1m\x1b[4m\x1b[31mtwo") && !wide.contains('^'), "{wide}");
}

#[test]
fn three_versions_region_by_region() {
    let here = OLD.replace("water.", "beer.").replace("- coal\n", "").replace("End.", "Fin.");
    let there = NEW.replace("water.", "much water.").replace("End.", "Fin.");
    let ui = Ui::fixed(80, false);
    check(
        &three(&of(BASE, OLD), &of("localhost", &here), &of("balaur", &there), 80, &ui),
        r"
Changed since the last agreed version: 1 place only by localhost, 3 places only
by balaur, 2 places by both, differently.
- gone, + new

Line 3: only balaur changed it
 1   # Plan
 2
 3 - The forge is in the north wing.
                         ^^^^^
 3 + The forge is in the south wing.
                         ^^^^^
 4   It opens on Monday.

Line 5: only balaur changed it
 4   It opens on Monday.
 5 - Everybody is invited, also those who have never held a hammer in their
                           ^^^^
     lives.
 5 + Everybody is invited, even those who have never held a heavy hammer in
                           ^^^^                             ^^^^^^
     their lives.
 6

Line 7: only localhost deleted it
 6
 7 - - coal
 8   - iron

After line 8: only balaur added something
 8   - iron
 9 + - brass
 9
10   Bring gloves.

Line 11: both changed it, differently
last agreed version:
11   Bring water.
localhost:
10 + Bring beer.
           ^^^^
balaur:
12 + Bring much water.
           ^^^^^

Lines 18–19: both changed them, differently
last agreed version:
18   Nobody reads them.
19   End.
localhost:
17   Nobody reads them.
18 + Fin.
balaur:
19 + Fin.
",
    );
}

#[test]
fn three_versions_of_which_one_is_gone_or_unknown() {
    let ui = Ui::fixed(80, false);
    check(
        &three(&of(BASE, "a\nb\n"), &missing("localhost"), &of("balaur", "a\nc\n"), 80, &ui),
        r"
localhost deleted it. What balaur changed:

- last agreed version
+ balaur
1 line added, 1 removed.

1   a
2 - b
2 + c
",
    );
    let unknown = three(&missing(BASE), &of("localhost", "a\n"), &of("balaur", "b\n"), 80, &ui);
    assert_eq!(unknown, plain(b"a\n", b"b\n"));
}

#[test]
fn what_lines_do_not_show_is_said() {
    let words =
        |old: &[u8], new: &[u8]| plain(old, new).lines().skip(2).collect::<Vec<_>>().join("\n");
    assert_eq!(
        words(b"a\nb\n", b"a\r\nb\r\n"),
        "The line ends differ: localhost has those of Unix (LF), balaur has those of\nWindows (CRLF)."
    );
    assert_eq!(words(b"a\n", b"a"), "balaur has no line end after its last line.");
    assert!(words(b"a b\n", b"a  b\n").starts_with("1 line changed. Only white space differs.\n"));
    assert!(!words(b"ab\n", b"a c\n").contains("white space"));
    assert_eq!(
        words(b"a\r\nb\n", b"a\nb\r\n"),
        "Both mix those of Windows (CRLF) and those of Unix (LF), each in its own way."
    );
    assert_eq!(
        plain(b"a\n", b"a\n"),
        "No difference: localhost and balaur have the same content.\n"
    );
    assert!(words(b"", b"a\n").starts_with("localhost: empty.\n1 line added.\n"));
    let gone = two(&missing("localhost"), &of("balaur", "a\n"), 80, &Ui::fixed(80, false));
    assert!(gone.contains("\nlocalhost: nothing there.\n1 line added.\n"), "{gone}");
}

#[test]
fn content_that_is_no_text_is_described() {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x07\x80\0\0\x04\x38".to_vec();
    png.extend([8; 20]);
    let mut other = png.clone();
    other[30] = 9;
    check(
        &plain(&png, &other),
        r"
localhost: PNG image, 1920 × 1080, 44 B
balaur: PNG image, 1920 × 1080, 44 B
The first difference is at byte 31.
",
    );
    check(
        &plain(b"text\n", b"\0\x01"),
        r"
localhost: text, 5 B
balaur: data, 2 B
They differ from the first byte on.
",
    );
}

#[test]
fn marks_stand_below_what_they_mark_whatever_is_before_it() {
    check(
        &plain("日本\t\x1b[1m\u{202e} old\n".as_bytes(), "日本\t\x1b[1m\u{202e} new\n".as_bytes()),
        r"
- localhost
+ balaur
1 line changed.

1 - 日本    \x1B[1m\u{202E} old
                            ^^^
1 + 日本    \x1B[1m\u{202E} new
                            ^^^
",
    );
    check(
        &plain(b"gr\xfc\xdfe an alle, old\n", b"gr\xfc\xdfe an alle, new\n"),
        r"
- localhost
+ balaur
1 line changed.

1 - gr\xFC\xDFe an alle, old
                         ^^^
1 + gr\xFC\xDFe an alle, new
                         ^^^
",
    );
}

#[test]
fn a_very_long_line_shows_where_it_changed() {
    let long = (0..200).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
    let other = long.replace("word100 ", "other ").replace("word180", "more");
    check(
        &plain(long.as_bytes(), other.as_bytes()),
        r"
- localhost
+ balaur
1 line changed.

1 - word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 word10 word11
    … 490 more characters of this line …
    word82 word83 word84 word85 word86 word87 word88 word89 word90 word91
    word92 word93 word94 word95 word96 word97 word98 word99 word100 word101
                                                            ^^^^^^^
    word102 word103 word104 word105 word106 word107 word108 word109 word110
    … 432 more characters of this line …
    word165 word166 word167 word168 word169 word170 word171 word172 word173
    word174 word175 word176 word177 word178 word179 word180 word181 word182
                                                    ^^^^^^^
    word183 word184 word185 word186 word187 word188 word189 word190 word191
    … 63 more characters of this line …
1 + word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 word10 word11
    … 490 more characters of this line …
    word82 word83 word84 word85 word86 word87 word88 word89 word90 word91
    word92 word93 word94 word95 word96 word97 word98 word99 other word101
                                                            ^^^^^
    word102 word103 word104 word105 word106 word107 word108 word109 word110
    … 432 more characters of this line …
    word165 word166 word167 word168 word169 word170 word171 word172 word173
    word174 word175 word176 word177 word178 word179 more word181 word182
                                                    ^^^^
    word183 word184 word185 word186 word187 word188 word189 word190 word191
    … 63 more characters of this line …
",
    );
    let wide = Ui::fixed(120, false);
    check(
        &two(&of("a", &long), &of("b", &other), 120, &wide),
        r"
1 line changed.

a                                                          │ b
1 - …d97 word98 word99 word100 word101 word102 word103 wo… │ 1 + …d97 word98 word99 other word101 word102 word103 word…
                       ^^^^^^^                             │                        ^^^^^
    …7 word178 word179 word180 word181 word182 word183 wo… │     …7 word178 word179 more word181 word182 word183 word1…
                       ^^^^^^^                             │                        ^^^^
",
    );
}

#[test]
fn what_does_not_fit_beside_one_another_is_said() {
    let ui = Ui::fixed(120, false);
    let long = (0..400).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
    let changed = (0..400).map(|n| format!("word{}", if n % 20 == 0 { 999 } else { n }));
    let changed = changed.collect::<Vec<_>>().join(" ");
    let shown = two(&of("a", &long), &of("b", &changed), 120, &ui);
    assert_eq!(shown.matches("… more of this line differs …").count(), 2, "{shown}");
    let shown = two(&of("a", "x\n"), &of("b", &format!("x\n{long}\n")), 120, &ui);
    assert!(shown.contains("    … 2,"), "{shown}");
    assert!(shown.lines().all(|line| crate::ui::cells::width(line) <= 120), "{shown}");
}

#[test]
fn nothing_of_a_hostile_text_reaches_the_terminal() {
    let hostile = "\x1b]0;owned\x07\x1b[2J\r\u{9b}31m\u{202e}gpj\u{2028}\0".replace('\0', "\u{8}");
    let (old, new) =
        (format!("same\n{hostile} a b c\n"), format!("same\n{hostile} a b d\n{hostile}\n"));
    for width in [10, 80, 140] {
        let ui = Ui::fixed(width, false);
        let label = Shown { label: &hostile, bytes: Some(old.as_bytes()) };
        let all = [
            two(&label, &of("b", &new), width, &ui),
            three(&label, &of("a", &new), &of("b", ""), width, &ui),
            two(&label, &missing(&hostile), width, &ui),
        ];
        for shown in all {
            let bad = |c: char| {
                c != '\n'
                    && crate::ui::sanitize::sanitize(c.encode_utf8(&mut [0; 4])).len()
                        != c.len_utf8()
            };
            assert!(!shown.contains(bad), "{shown:?}");
        }
    }
}

/// Not how long it takes, which depends on the machine, but that it is bounded: what is shown of the
/// longest texts is not much more than a person would read.
#[test]
fn the_longest_texts_are_shown_in_part() {
    let lines = |step: usize| {
        (0..40_000).map(|n| format!("line {}\n", n / step * step)).collect::<String>()
    };
    let (a, b) = (lines(1), lines(3));
    assert!(a.len() < LONGEST);
    let ui = Ui::fixed(80, false);
    let shown = plain(a.as_bytes(), b.as_bytes());
    assert!(shown.lines().count() < 5 * MOST_ROWS, "{}", shown.lines().count());
    assert!(shown.contains(" that differ …\n"));
    let shown = three(&of("base", &a), &of("a", &b), &of("b", &a[..a.len() / 2]), 80, &ui);
    assert!(shown.lines().count() < 5 * MOST_ROWS, "{}", shown.lines().count());
    let longer = a.repeat(4);
    check(
        &plain(longer.as_bytes(), a.as_bytes()),
        r"
localhost: text, 160,000 lines, 1.7 MB
balaur: text, 40,000 lines, 428.9 kB
More than 1.0 MB is not compared line by line here.
The longer one begins with all of the other and has 1,286,670 more bytes.
",
    );
}
