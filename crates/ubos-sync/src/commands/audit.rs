//! `ubos-sync audit`: the weekly report, from the log alone.

use std::os::fd::AsFd;
use std::path::Path;

use clap::Args;
use rustix::fs::Mode;
use serde_json::{Map, Value, json};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::selection::Verdict;
use ubos_engine::audit_report::figures::Backups;
use ubos_engine::audit_report::{self, Facts, Outside, Window, ask};
use ubos_engine::backups;
use ubos_engine::clock;
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::read_manifests;
use ubos_engine::error::EngineError;
use ubos_engine::fs::{Stamp, atomic, platform};
use ubos_engine::state::audit::{Audit, Head};
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::lock::Lock;
use ubos_engine::state::{StateDir, chain};

use super::{BUILD, program};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::audit::{MARK, document, markdown};
use crate::territory;
use crate::ui::Ui;

/// Report what the log proves: uptime, runs, conflicts, backups, and whether the log itself holds
///
/// Every figure is computed from the audit log, so that anybody can compute it again; what is not on
/// record is said to be so. Times are UTC. The log's chain is checked, and the peer is asked to check
/// its own and to compare what each noted of the other.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync audit                     the last seven days
  ubos-sync audit --since 30d --json  a month, for a program
  ubos-sync audit --since 2026-11-01  since that day, UTC
  ubos-sync audit --write             on the server: into its folder
Exit code 1 says that the record itself does not hold.")]
pub(crate) struct AuditArgs {
    /// Since when: `7d`, `24h`, a date or a time (RFC 3339, UTC where no zone is named)
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: String,
    /// Write it into the territory's top folder, from where it is synced
    #[arg(long)]
    write: bool,
    /// Write it although this territory is not the server
    #[arg(long, requires = "write")]
    here: bool,
    /// Do not ask the peer
    #[arg(long)]
    offline: bool,
}

/// Carries it out.
pub(crate) fn run(args: &AuditArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let (name, peer) = config.peer(global.peer.as_deref())?;
    let until = clock::now_ns() / 1_000_000;
    let since = since(&args.since)?;
    let day = clock::rfc3339_ms(until)[..10].to_owned();
    let file = format!("STATE_OF_THE_REPUBLIC_{day}_sync.md");
    if args.write {
        may_write(args, &state, &config, peer, &file)?;
    }
    let facts = audit_report::collect(&state, &config.name, name)?;
    let mut outside = seen(&state)?;
    compare(args, &state, &config, (name, peer), &facts, since, &mut outside)?;
    let figures = audit_report::compute(&facts, Window { since, until }, &outside);
    let text = markdown(&figures);
    if args.write {
        write(&state, &config, &file, &text, since, until)?;
    }
    let code = if figures.is_sound() { 0 } else { 1 };
    let written = args.write.then_some(file.as_str());
    if ui.json() {
        ui.document(&document(&figures, written, code))?;
        return Ok(code);
    }
    match written {
        Some(file) => ui.answer(&format!("Written: {file}\n"))?,
        None => ui.page(&text)?,
    }
    Ok(code)
}

fn since(given: &str) -> Result<i64, Failure> {
    let time = clock::instant_utc(given).as_deref().and_then(clock::milliseconds);
    time.ok_or_else(|| {
        Failure::usage(
            format!("`{given}` is neither a time nor a length of time"),
            "for example `--since 7d`, `--since 2026-11-01` or `--since 2026-11-01T12:00:00Z`",
        )
    })
}

/// What lies on the disk now.
fn seen(state: &StateDir) -> Result<Outside, Failure> {
    let mut found = Backups::default();
    for run in backups::runs(state)? {
        backups::walk(state, &run, &mut |_, _, stat| {
            let stamp = Stamp::of(stat);
            if stamp.file_type() != rustix::fs::FileType::Directory {
                found.files += 1;
                found.bytes += stamp.size;
            }
            Ok(())
        })
        .map_err(|e| EngineError::io("look through", state.path("backups"), e))?;
        found.oldest.get_or_insert(run);
    }
    let health = atomic::read(state.fd(), "health.json")
        .map_err(|e| EngineError::io("read", state.path("health.json"), e))?;
    // A damaged one is as good as none; its keeper writes it anew.
    let health = health.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(Outside { backups: Some(found), health, ..Outside::default() })
}

/// Has the peer check its log, and compares what each noted of the other.
fn compare(
    args: &AuditArgs,
    state: &StateDir,
    config: &Config,
    peer: (&str, &Peer),
    facts: &Facts,
    since: i64,
    outside: &mut Outside,
) -> Result<(), Failure> {
    if args.offline {
        outside.not_asked = Some("`--offline`".to_owned());
        return Ok(());
    }
    let within = facts.heads.partition_point(|(time, _)| *time < since).saturating_sub(1);
    let heads: Vec<Head> = facts.heads[within..].iter().map(|(_, head)| head.clone()).collect();
    let program = program()?;
    match ask::ask(config, peer, (&program, BUILD), since, &heads) {
        Ok(check) => {
            let since = clock::rfc3339_ms(since);
            outside.denied = chain::check(state, peer.0, &since, &check.noted)?.wrong;
            outside.peer = Some(check);
        }
        Err(error) => outside.not_asked = Some(error.to_string()),
    }
    Ok(())
}

/// Whether the report may stand at its place, before anything else is done.
fn may_write(
    args: &AuditArgs,
    state: &StateDir,
    config: &Config,
    peer: &Peer,
    file: &str,
) -> Result<(), Failure> {
    if peer.owner && !args.here {
        return Err(Failure::usage(
            "the report is written by the server, from where it is synced",
            format!("run it at {}, or add `--here`", peer.manifests),
        ));
    }
    let texts = read_manifests(state, &peer.manifests)?.map(Option::unwrap_or_default);
    let selection = compile(&peer.manifests, &texts, &config.builtin())?;
    let path = RelPath::new(file.as_bytes()).expect("a plain name");
    if !matches!(selection.judge_path(&path, false), Verdict::Selected(_)) {
        return Err(Failure::usage(
            format!("`{file}` is not selected by the manifests, so that nobody would get it"),
            format!(
                "add the line `STATE_OF_THE_REPUBLIC_*.md` to `config/sync_from_{}.conf`",
                peer.manifests
            ),
        ));
    }
    let present = atomic::read(state.root().fd(), file)
        .map_err(|e| EngineError::io("read", state.root().path().join(file), e))?;
    let ours = present.is_none_or(|bytes| bytes.starts_with(MARK.as_bytes()));
    if ours {
        return Ok(());
    }
    Err(Failure::usage(
        format!("`{file}` is there already and was not written by `ubos-sync audit`"),
        "move it aside first",
    ))
}

/// Puts the report in place, whole, and on record.
fn write(
    state: &StateDir,
    config: &Config,
    file: &str,
    text: &str,
    since: i64,
    until: i64,
) -> Result<(), Failure> {
    let _lock = Lock::take(state, &config.name)?;
    let root = state.root().fd();
    let temporary = format!("{file}.new");
    let place = || -> std::io::Result<()> {
        let fd = atomic::create(root, &temporary)?;
        // As the other files of a territory, for whoever may read these.
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(0o644))?;
        atomic::write_all(fd.as_fd(), text.as_bytes())?;
        platform::sync_file(&fd)?;
        rustix::fs::renameat(root, &temporary, root, file)?;
        platform::sync_file(root)
    };
    place().map_err(|e| EngineError::io("write", Path::new(file), e))?;
    let mut log = Audit::open(state)?;
    let record = json!({
        "event": "report", "path": file, "report_hash": Digest::of(text.as_bytes()).to_hex(),
        "since": clock::rfc3339_ms(since), "until": clock::rfc3339_ms(until),
    });
    let record: Map<String, Value> = record.as_object().cloned().unwrap_or_default();
    log.note(&clock::run_id(), record);
    Ok(log.sync()?)
}
