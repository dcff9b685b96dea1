//! `ubos-bench`: ubos-sync against rsync and unison, and all of them against the floor.
//!
//! Everything happens in one run and in turn, since times from different hours cannot be
//! compared. Reading order: [`corpus`] builds trees, [`sshd`] makes a far side of this machine,
//! [`peers`] knows the tools, [`rows`] changes something, [`session`] measures all of it with
//! [`measure`], [`latency`] and [`floor`], [`results`] holds it against the targets, [`table`] prints it.

mod corpus;
mod floor;
mod latency;
mod machine;
mod measure;
mod peers;
mod random;
mod results;
mod rows;
mod session;
mod sshd;
mod state;
mod table;
mod text;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::corpus::Corpus;
use crate::measure::Meter;
use crate::peers::{Setting, Tool};
use crate::results::Results;
use crate::rows::Row;
use crate::session::{Request, Session};
use crate::sshd::Sshd;

/// Measure ubos-sync, its peers and the floor, in turn, over ssh to this machine
///
/// Disk: about 4 GB for V, S and M; 12 GB for B, 30 GB for L.
#[derive(Parser)]
struct Arguments {
    /// The corpora to measure: V, S, M, L, B
    #[arg(long, value_delimiter = ',', default_value = "V,S,M", ignore_case = true)]
    corpus: Vec<Corpus>,

    /// The rows to measure; all that say something about the corpus by default
    #[arg(long, value_delimiter = ',')]
    rows: Vec<Row>,

    /// The tools to measure; a tool that is not there is left out and named
    #[arg(long, value_delimiter = ',', default_value = "ubos-sync,rsync,unison")]
    tools: Vec<Tool>,

    /// How often each is measured
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,

    /// The ubos-sync to measure; by default the one built beside this program
    #[arg(long)]
    bin: Option<PathBuf>,

    /// Where the trees are built; by default the system's temporary folder
    #[arg(long)]
    dir: Option<PathBuf>,

    /// Write the page here as well
    #[arg(long)]
    write: Option<PathBuf>,

    /// Keep the trees and the sshd's files
    #[arg(long)]
    keep: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let parent = arguments.dir.clone().unwrap_or_else(std::env::temp_dir);
    fs::create_dir_all(&parent)?;
    let scratch = tempfile::Builder::new().prefix("ubos-bench-").tempdir_in(parent)?;
    let work = fs::canonicalize(scratch.path())?;
    if arguments.keep {
        eprintln!("kept: {}", scratch.keep().display());
        measure_all(&arguments, &work)
    } else {
        measure_all(&arguments, &work)
    }
}

fn measure_all(arguments: &Arguments, work: &Path) -> Result<()> {
    let binary = find_binary(arguments)?;
    let mut remarks = vec![format!("rounds: {}; ¹ marks what was measured once", arguments.rounds)];
    let tools = usable_tools(&arguments.tools, binary.as_deref(), &mut remarks);
    let machine = machine::describe(work, binary.as_deref());
    let programs = link_programs(work, binary.as_deref())?;
    let sshd = Sshd::start(&work.join("sshd"), &programs, &work.join("archives-there"))?;
    let setting = setting(work, &sshd, binary)?;
    let meter = Meter::new(sshd.pid());
    let request = Request { rows: wanted_rows(arguments), tools, rounds: arguments.rounds };
    let mut results = Results::default();
    let outcome = arguments.corpus.iter().try_for_each(|corpus| {
        let dir = work.join(corpus.letter());
        Session {
            corpus: *corpus,
            dir: dir.clone(),
            setting: &setting,
            meter: &meter,
            request: &request,
            results: &mut results,
        }
        .run()?;
        if arguments.keep {
            return Ok(());
        }
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))
    });
    if outcome.is_err() {
        remarks
            .push("**incomplete**: a tool failed, and what follows it was not measured".to_owned());
    }
    // What was measured before a failure took long enough to be shown.
    let page = table::page(&results, &machine, &remarks);
    print!("{page}");
    if let Some(path) = &arguments.write {
        write_page(path, &page)?;
    }
    outcome
}

fn write_page(path: &Path, page: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
}

/// The `ubos-sync` to measure, as an absolute path.
fn find_binary(arguments: &Arguments) -> Result<Option<PathBuf>> {
    if let Some(binary) = &arguments.bin {
        let found = fs::canonicalize(binary);
        return Ok(Some(found.with_context(|| format!("cannot find {}", binary.display()))?));
    }
    let beside = std::env::current_exe()?.with_file_name("ubos-sync");
    Ok(fs::canonicalize(beside).ok())
}

/// Those of `asked` that are there; says in `remarks` which are not.
fn usable_tools(asked: &[Tool], binary: Option<&Path>, remarks: &mut Vec<String>) -> Vec<Tool> {
    let mut usable = asked.to_vec();
    usable.retain(|tool| {
        let there = match tool {
            Tool::UbosSync => binary.is_some(),
            Tool::Rsync => machine::is_installed("rsync", "--version"),
            Tool::Unison => machine::is_installed("unison", "-version"),
        };
        if !there {
            remarks.push(format!("{} was asked for and is not there", tool.name()));
        }
        there
    });
    usable
}

fn wanted_rows(arguments: &Arguments) -> Vec<Row> {
    if arguments.rows.is_empty() {
        <Row as clap::ValueEnum>::value_variants().to_vec()
    } else {
        arguments.rows.clone()
    }
}

/// A folder in which the far side finds the measured binary under its name.
fn link_programs(work: &Path, binary: Option<&Path>) -> Result<PathBuf> {
    let programs = work.join("programs");
    fs::create_dir_all(&programs)?;
    if let Some(binary) = binary {
        std::os::unix::fs::symlink(binary, programs.join("ubos-sync"))?;
    }
    Ok(programs)
}

fn setting(work: &Path, sshd: &Sshd, binary: Option<PathBuf>) -> Result<Setting> {
    let [home, archives] = ["home", "archives-here"].map(|name| work.join(name));
    for folder in [&home, &archives, &work.join("archives-there")] {
        fs::create_dir_all(folder)?;
    }
    let wrapper_folder = sshd.ssh().parent().context("the ssh wrapper has a folder")?;
    let mut path = OsString::from(wrapper_folder);
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    Ok(Setting {
        ssh: sshd.ssh().to_path_buf(),
        destination: sshd.destination(),
        url: sshd.url(),
        path,
        home,
        archives,
        binary,
    })
}
