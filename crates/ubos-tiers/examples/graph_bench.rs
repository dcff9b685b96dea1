//! Measures the index of the graph on a vault that it makes: `graph_bench make DIR [light]` writes the
//! vault, `graph_bench cold|warm|change|check DIR KEPT` does one thing and says what each step took.
//!
//! Each measurement is a process of its own, so that the memory of one does not hide in another's.
//! `scripts/bench-graph` runs them all; `docs/benchmarks.md` has the results.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use ubos_core::path::RelPath;
use ubos_tiers::graph::index::Index;
use ubos_tiers::graph::questions::View;
use ubos_tiers::graph::questions::stats::stats;
use ubos_tiers::graph::soft;
use ubos_tiers::vault::check::check;

#[path = "../src/graph/vaults.rs"]
mod vaults;

/// Notes of the vault, and bytes of each: 12 MB of Markdown.
const NOTES: usize = 3000;
const BYTES: usize = 4000;
/// How often a file is changed: the system counts time in user mode in steps of 10 ms.
const ROUNDS: u32 = 100;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["make", vault] => make(Path::new(vault), false),
        ["make", vault, "light"] => make(Path::new(vault), true),
        ["cold", vault, kept] => cold(Path::new(vault), Path::new(kept)),
        ["warm", vault, kept] => warm(Path::new(vault), Path::new(kept)),
        ["change", vault, kept] => change(Path::new(vault), Path::new(kept)),
        ["check", vault, kept] => look_over(Path::new(vault), Path::new(kept)),
        _ => {
            eprintln!("graph_bench make DIR [light] | cold|warm|change|check DIR KEPT");
            return ExitCode::from(2);
        }
    }
    tell("memory", &memory());
    ExitCode::SUCCESS
}

fn make(vault: &Path, light: bool) {
    let (mut bytes, mut notes) = (0, 0);
    for (path, mut content) in vaults::vault(7, NOTES, BYTES) {
        let file = vault.join(&path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).expect("the folder can be made");
        }
        if path.to_lowercase().ends_with(".md") {
            if light {
                content = thinned(&content);
            }
            notes += 1;
        }
        bytes += content.len();
        fs::write(file, content).expect("the note can be written");
    }
    tell("notes", &notes.to_string());
    tell("bytes", &bytes.to_string());
}

/// The same note with every tenth link and few tags left, which is as dense as vaults of people are.
fn thinned(note: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(note);
    let mut thin = String::with_capacity(text.len());
    for (number, part) in text.split("[[").enumerate() {
        if number > 0 {
            thin.push_str(if number % 10 == 0 { "[[" } else { "(" });
        }
        thin.push_str(part);
    }
    thin.replace("](", "] (").replace(" #", " ").into_bytes()
}

fn cold(vault: &Path, kept: &Path) {
    let mut index = Index::open(vault, Some(kept));
    let read = step("read", || index.refresh().expect("the vault can be read").read);
    step("graph", || index.graph().edges().len());
    step("save", || index.save().expect("the index can be kept"));
    whole("cold");
    let view = View { graph: index.graph(), texts: &index, parity: true };
    let stats = stats(&view);
    tell("files read", &read.to_string());
    tell("edges of every kind", &index.graph().edges().len().to_string());
    tell("edges between files", &stats.edges.to_string());
    tell("memory without soft edges", &memory());
    let mut graph = index.graph().clone();
    step("soft edges", || soft::join(&mut graph, &index));
    tell("edges with soft ones", &graph.edges().len().to_string());
}

fn warm(vault: &Path, kept: &Path) {
    let mut index = step("open", || Index::open(vault, Some(kept)));
    let read = step("look", || index.refresh().expect("the vault can be read").read);
    step("graph", || index.graph().edges().len());
    whole("warm");
    tell("files read", &read.to_string());
    tell("edges of every kind", &index.graph().edges().len().to_string());
}

/// A note that is there and linked to is changed, then one is made and taken away again.
fn change(vault: &Path, kept: &Path) {
    let mut index = Index::open(vault, Some(kept));
    index.refresh().expect("the vault can be read");
    let path = most_linked(&index);
    let was = fs::read(vault.join(&path)).expect("the note can be read");
    let text =
        |round: u32| [&was[..], format!("\n## R {round}\n\n[[note 1]]\n").as_bytes()].concat();
    let write = |path: &str, text: &[u8]| fs::write(vault.join(path), text).expect("it is written");
    index.graph();
    rounds("modify", &mut index, &path, |round| write(&path, &text(round)));
    rounds("create or delete", &mut index, "boards/note 1.md", |round| match round % 2 {
        0 => write("boards/note 1.md", &text(round)),
        _ => fs::remove_file(vault.join("boards/note 1.md")).expect("it is removed"),
    });
    let mut round = 0;
    mean("modify, looked for", || {
        round += 1;
        write(&path, &text(round));
        index.refresh().expect("the vault can be read");
    });
    mean("save of one change", || {
        round += 1;
        write(&path, &text(round));
        let path = RelPath::new(path.as_str()).expect("a sound path");
        index.look_at(&[path]).expect("the note can be read");
        index.save().expect("the index can be kept");
    });
    write(&path, &was);
    index.refresh().expect("the vault can be read");
    index.save().expect("the index can be kept");
}

fn rounds(name: &str, index: &mut Index, path: &str, mut edit: impl FnMut(u32)) {
    let path = [RelPath::new(path).expect("a sound path")];
    let mut round = 0;
    mean(name, || {
        edit(round);
        index.look_at(&path).expect("the note can be read");
        index.graph();
        round += 1;
    });
}

/// The path of the note that most links lead to.
fn most_linked(index: &Index) -> String {
    let graph = index.graph();
    let linked = |id| graph.incoming(ubos_tiers::graph::model::Target::File(id)).count();
    let most = graph.notes().map(|(id, _)| id).max_by_key(|id| linked(*id));
    graph.files().path(most.expect("there are notes")).to_owned()
}

fn look_over(vault: &Path, kept: &Path) {
    let mut index = Index::open(vault, Some(kept));
    index.refresh().expect("the vault can be read");
    index.graph();
    let checkup = step("check", || {
        check(vault, ".obsidian", &index, &|_| true).expect("the vault can be read")
    });
    whole("vault check with a warm start");
    tell("findings", &checkup.findings.len().to_string());
}

/// Does something and says what it took.
fn step<T>(name: &str, mut work: impl FnMut() -> T) -> T {
    let begun = cpu();
    let done = work();
    tell(&format!("{name}, CPU"), &milliseconds(cpu() - begun));
    done
}

/// Does something often and says what it took on average.
fn mean(name: &str, mut work: impl FnMut()) {
    let (begun, user_begun) = (cpu(), user());
    (0..ROUNDS).for_each(|_| work());
    tell(&format!("{name}, user"), &milliseconds((user() - user_begun) / ROUNDS));
    tell(&format!("{name}, CPU"), &milliseconds((cpu() - begun) / ROUNDS));
}

/// What the process took until now.
fn whole(name: &str) {
    tell(&format!("{name}, user"), &milliseconds(user()));
    tell(&format!("{name}, CPU"), &milliseconds(cpu()));
}

fn tell(name: &str, value: &str) {
    println!("{name}\t{value}");
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Time of the process on a processor, in user mode and in the system.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Time of the process in user mode.
fn user() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in brackets the 12th field, in ticks of 10 ms.
    let ticks = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(11));
    Duration::from_millis(ticks.and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0) * 10)
}

/// The most memory that the process had.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("?").trim();
    most.strip_suffix(" kB")
        .and_then(|kib| kib.parse::<f64>().ok())
        .map_or(most.to_owned(), |kib| format!("{:.0} MB", kib * 1.024 / 1000.0))
}
