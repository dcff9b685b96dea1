//! Whole pictures: what is drawn, to the last blank.

use super::*;

fn of<'a>(label: &'a str, bytes: &'a [u8]) -> Shown<'a> {
    Shown { label, bytes: Some(bytes) }
}

const OLD: &str = "# Plan\n\nThe forge is in the north wing.\n\nIt opens on Monday.\nEverybody is invited, also those who have never held a hammer in their lives.\n\n- coal\n- iron\n\nBring gloves.\nBring water.\n\nBring a friend.\n\nAt noon we eat.\n\nNotes follow below.\nNobody needs to read them.\nEnd.\n";
const NEW: &str = "# Plan\n\nThe forge is in the south wing.\n\nIt opens on Monday.\nEverybody is invited, even those who have never held a heavy hammer in their lives.\n\n- coal\n- iron\n- brass\n\nBring gloves.\nBring water.\n\nBring a friend.\n\nAt noon we eat.\n\nNotes follow below.\nEnd.\n";

#[test]
fn look() {
    for (w, c) in [(40, false), (80, false), (80, true), (140, false), (140, true)] {
        println!(
            "===== {w} {c}\n{}",
            two(
                &of("last agreed version", OLD.as_bytes()),
                &of("balaur", NEW.as_bytes()),
                w,
                &Ui::fixed(w, c)
            )
        );
    }
    let here = OLD
        .replace("Bring water.", "Bring beer.")
        .replace("Monday", "Tuesday")
        .replace("- coal\n", "");
    let there = NEW.replace("Bring water.", "Bring much water.").replace("Monday", "Tuesday");
    println!(
        "===== three\n{}",
        three(
            &of("last agreed version", OLD.as_bytes()),
            &of("localhost", here.as_bytes()),
            &of("balaur", there.as_bytes()),
            80,
            &Ui::fixed(80, false)
        )
    );
    let long = "word and more words, ".repeat(40);
    let long2 = format!(
        "{}{}{}",
        &long[..200],
        "CHANGED",
        &long[207..700].replace("more words, word and more", "mor")
    );
    for w in [80, 140] {
        println!(
            "===== long\n{}",
            two(&of("a", long.as_bytes()), &of("b", long2.as_bytes()), w, &Ui::fixed(w, false))
        );
    }
}

#[test]
fn speed() {
    use std::time::Instant;
    let mut big = String::new();
    let mut n = 0u64;
    while big.len() < 1 << 20 {
        n = n.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        big.push_str(&format!("line {} of the {} file is {}\n", n >> 40, n >> 50, n >> 30));
    }
    let other: String = big
        .lines()
        .enumerate()
        .map(|(i, l)| {
            if i % 7 == 0 {
                format!("{}x y\n", l)
            } else if i % 11 == 0 {
                String::new()
            } else {
                format!("{l}\n")
            }
        })
        .collect();
    let rev: String = big.lines().rev().map(|l| format!("{l}\n")).collect();
    let one = big.replace('\n', " ");
    let one2 = other.replace('\n', " ");
    let blank = "\n".repeat(1 << 20);
    let blank2 = "\n".repeat((1 << 20) - 5);
    let ab: String =
        (0..1u64 << 19).map(|i| if (i * i / 3) % 2 == 0 { "a\n" } else { "b\n" }).collect();
    let ba: String =
        (0..1u64 << 19).map(|i| if (i * i / 5) % 3 == 0 { "a\n" } else { "b\n" }).collect();
    for (name, a, b) in [
        ("mixed", &big, &other),
        ("reversed", &big, &rev),
        ("one line", &one, &one2),
        ("blank", &blank, &blank2),
        ("ab", &ab, &ba),
    ] {
        let a = &a.as_bytes()[..a.len().min(LONGEST)];
        let b = &b.as_bytes()[..b.len().min(LONGEST)];
        for w in [80, 140] {
            let ui = Ui::fixed(w, false);
            let t = Instant::now();
            let s = two(&of("a", a), &of("b", b), w, &ui);
            println!("{name} {w}: {:?} {} rows", t.elapsed(), s.lines().count());
        }
        let t = Instant::now();
        let s = three(
            &of("base", a),
            &of("a", b),
            &of("b", &a[..a.len() / 2]),
            80,
            &Ui::fixed(80, false),
        );
        println!("{name} three: {:?} {}", t.elapsed(), s.lines().count());
    }
}
