//! Random histories: two users, runs from either side, and (with failpoints) processes that die.
//!
//! `UBOS_HISTORIES=N` lives N of them instead of 300, `UBOS_SEED=S` only that one.

use ubos_testkit::history::History;

use crate::agreed;

const DEFAULT: u64 = 300;

/// Tests that share the histories, so that they run side by side.
const SHARES: u64 = 6;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// Lives every [`SHARES`]th history, from `first` on.
fn share(first: u64) {
    let count = number("UBOS_HISTORIES").unwrap_or(DEFAULT);
    let seeds: Vec<u64> = match number("UBOS_SEED") {
        Some(seed) if seed % SHARES == first => vec![seed],
        Some(_) => vec![],
        None => (0..count).filter(|seed| seed % SHARES == first).collect(),
    };
    for seed in seeds {
        History::new(agreed(), seed, cfg!(feature = "failpoints")).live();
    }
}

#[test]
fn histories_keep_every_promise_first_share() {
    share(0);
}

#[test]
fn histories_keep_every_promise_second_share() {
    share(1);
}

#[test]
fn histories_keep_every_promise_third_share() {
    share(2);
}

#[test]
fn histories_keep_every_promise_fourth_share() {
    share(3);
}

#[test]
fn histories_keep_every_promise_fifth_share() {
    share(4);
}

#[test]
fn histories_keep_every_promise_sixth_share() {
    share(5);
}
