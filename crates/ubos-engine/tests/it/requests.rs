//! Whoever waits for changes is woken by a request for a run.

use std::fs;
use std::time::{Duration, Instant};

use ubos_core::sides::Side;
use ubos_engine::endpoint::Endpoint;
use ubos_engine::endpoint::local::LocalEndpoint;
use ubos_engine::state::config::Config;
use ubos_engine::state::generation::Header;
use ubos_engine::state::table::Table;
use ubos_engine::state::{StateDir, requests};

use crate::subject::{PAIR, make_territory, order};

/// A side between two runs.
fn standing_by(root: &std::path::Path) -> LocalEndpoint {
    make_territory(root);
    let state = StateDir::open(root).unwrap();
    let dir = state.pair_folder(PAIR).unwrap();
    Table::create(dir, Header::first(PAIR), Default::default()).unwrap();
    let config = Config::load(&state).unwrap().unwrap();
    let peer = config.peers["laptop"].clone();
    let mut endpoint = LocalEndpoint::open(state, config, peer, Side::There);
    endpoint.stand_by();
    endpoint.lock().unwrap();
    endpoint.look().unwrap();
    endpoint.scan(&order()).unwrap();
    endpoint.release();
    endpoint
}

#[test]
fn a_request_ends_the_wait_once_and_the_next_scan_looks_at_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut endpoint = standing_by(&folder.path().join("root"));
    let soon = || Instant::now() + Duration::from_millis(1500);
    while endpoint.wait(soon()).unwrap().changed {}
    let begun = Instant::now();
    requests::ask(endpoint.state(), "changes").unwrap().unwrap();
    assert!(endpoint.wait(begun + Duration::from_secs(60)).unwrap().changed);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Until a run has answered it, the same request is no news.
    endpoint.begin().unwrap();
    endpoint.scan(&order()).unwrap();
    endpoint.release();
    assert!(!endpoint.wait(soon()).unwrap().changed);
}

#[test]
fn a_call_ends_the_wait_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut endpoint = standing_by(&folder.path().join("root"));
    fs::create_dir_all(folder.path().join("root/notes")).unwrap();
    while endpoint.wait(Instant::now() + Duration::from_millis(300)).unwrap().changed {}
    let caller = endpoint.caller().unwrap();
    for delay in [0, 700, 1000, 1300] {
        let caller = caller.clone();
        let begun = Instant::now();
        let calling = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(delay));
            caller.call();
        });
        endpoint.wait(begun + Duration::from_secs(60)).unwrap();
        calling.join().unwrap();
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(10), "called after {delay} ms, woke after {waited:?}");
    }
}

#[test]
fn a_call_that_comes_together_with_an_echo_ends_the_wait_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut endpoint = standing_by(&folder.path().join("root"));
    let file = folder.path().join("root/notes/echo");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "the same").unwrap();
    while endpoint.wait(Instant::now() + Duration::from_millis(1500)).unwrap().changed {}
    for _ in 0..3 {
        let caller = endpoint.caller().unwrap();
        fs::write(&file, "the same").unwrap();
        // Long enough that the hint is worth a look when the wait begins.
        std::thread::sleep(Duration::from_millis(400));
        caller.call();
        let begun = Instant::now();
        endpoint.wait(begun + Duration::from_secs(20)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    }
}
