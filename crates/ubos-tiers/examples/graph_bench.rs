//! Measures the index of the graph on a vault that it makes: `graph_bench make DIR` writes the vault,
//! `graph_bench cold|warm|change DIR KEPT` does one thing and says what it took.
//!
//! Each measurement is a process of its own, so that the memory of one does not hide in another's.
//! `docs/benchmarks.md` has the results.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ubos_core::path::RelPath;
use ubos_tiers::graph::index::Index;
use ubos_tiers::graph::questions::View;
use ubos_tiers::graph::questions::stats::stats;

#[path = "../src/graph/vaults.rs"]
mod vaults;

/// Notes of the vault, and bytes of each: 12 MB of Markdown.
const NOTES: usize = 3000;
const BYTES: usize = 4000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["make", vault] => make(Path::new(vault)),
        ["cold", vault, kept] => cold(Path::new(vault), Path::new(kept)),
        ["warm", vault, kept] => warm(Path::new(vault), Path::new(kept)),
        ["change", vault, kept] => change(Path::new(vault), Path::new(kept)),
        _ => {
            eprintln!("graph_bench make DIR | cold|warm|change DIR KEPT");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn make(vault: &Path) {
    let mut bytes = 0;
    for (path, content) in vaults::vault(7, NOTES, BYTES) {
        let file = vault.join(&path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).expect("the folder can be made");
        }
        bytes += content.len();
        fs::write(file, content).expect("the note can be written");
    }
    println!("{bytes} bytes");
}

fn cold(vault: &Path, kept: &Path) {
    let begun = Instant::now();
    let mut index = Index::open(vault, Some(kept));
    let refreshed = index.refresh().expect("the vault can be read");
    let graph = index.graph();
    index.save().expect("the index can be kept");
    tell("cold", begun.elapsed());
    println!("{} files read", refreshed.read);
    let view = View { graph: &graph, texts: &index, parity: true };
    let stats = stats(&view);
    println!("{} notes, {} edges, {} broken", stats.notes, stats.edges, stats.missing_links);
}

fn warm(vault: &Path, kept: &Path) {
    let begun = Instant::now();
    let mut index = Index::open(vault, Some(kept));
    let opened = begun.elapsed();
    let refreshed = index.refresh().expect("the vault can be read");
    let walked = begun.elapsed();
    let graph = index.graph();
    tell("warm", begun.elapsed());
    println!("open {opened:?}, walk {:?}, read {}", walked - opened, refreshed.read);
    println!("{} edges of every kind", graph.edges().len());
}

fn change(vault: &Path, kept: &Path) {
    let mut index = Index::open(vault, Some(kept));
    index.refresh().expect("the vault can be read");
    let mut graph = index.graph();
    let path = "missions/changed.md";
    let mut took = Vec::new();
    for round in 0..20 {
        let text = format!("# Round {round}\n\n[[note 1]] [[v1.2]] #round{round}\n");
        fs::write(vault.join(path), text).expect("the note can be written");
        let begun = Instant::now();
        let path = RelPath::new(path).expect("a sound path");
        index.look_at(&[path]).expect("the note can be read");
        graph = index.graph();
        took.push(begun.elapsed());
    }
    fs::remove_file(vault.join(path)).expect("the note can be removed");
    took.sort();
    tell("change (median of 20)", took[took.len() / 2]);
    println!("{} edges of every kind", graph.edges().len());
}

/// Wall time, and what the process took until now.
fn tell(what: &str, took: Duration) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("VmHWM: ?");
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets the 12th field is the time in user mode, in ticks of 10 ms.
    let ticks = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(11));
    let user = ticks.and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0) * 10;
    println!("{what}: {took:?} wall, {user} ms user, {}", memory.replace('\t', " "));
}
