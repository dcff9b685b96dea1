//! `status`, `push`, `pull`, `bidirectional`: one run each, in the directions that are asked for.

use std::collections::BTreeMap;

use clap::Args;

use ubos_core::conflict::Held;
use ubos_core::plan::Filter;
use ubos_core::sides::Side;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::cycle::{ConflictPolicy, Request, run_cycle};
use ubos_engine::duties;
use ubos_tiers::vault::breaks::Break;

use super::resolve::session;
use super::{BUILD, program};
use crate::backup;
use crate::breaks;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::picture::Picture;
use crate::render;
use crate::territory;
use crate::ui::Ui;
use crate::ui::progress::Progress;

/// Show what a sync would do now, open conflicts and held paths; change nothing
///
/// Both territories are scanned. Every line says which way it goes and why; every conflict and held
/// path comes with the command that settles it.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Re-read and re-hash everything, trusting no cached stat
    #[arg(long)]
    verify: bool,
}

/// Sync; nothing is overwritten or deleted without a backup
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Print the plan, change nothing anywhere
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// What to do with conflicts: ask (on a terminal), hold, newer, merge (edits that fit together), or
    /// the name of the territory that wins; without it what `config.toml` says for each path
    #[arg(long, value_name = "POLICY", default_value = "ask")]
    conflicts: String,
    /// Carry out what a guard held, exactly the plan with this id as `status` showed it
    #[arg(long, value_name = "PLAN")]
    confirm: Option<String>,
    /// Re-read and re-hash everything, trusting no cached stat
    #[arg(long)]
    verify: bool,
}

/// Shows what a sync would do.
pub(crate) fn status(args: &StatusArgs, global: &Global, ui: &Ui) -> Outcome {
    let begun = request(global, "status", Filter::Both).map(|mut request| {
        request.dry_run = true;
        request.verify = args.verify;
        request
    });
    let picture = head(global);
    match begun {
        Ok(request) => {
            let report = cycle(&request, ui);
            show_below(&report, &breaks::of(&report, &request.root), picture.as_ref(), ui)
        }
        Err(failure) => match failure.into_engine_error() {
            Some(error) => {
                show_below(&RunReport::of_failure("status", error), &[], picture.as_ref(), ui)
            }
            None => Err(Failure::BrokenPipe),
        },
    }
}

/// How the territory fares, where anything is on record; `status` itself adds nothing to that.
fn head(global: &Global) -> Option<Picture> {
    let (state, config) = territory::open(global).ok()?;
    let picture = Picture::of(&state, &config, global.peer.as_deref()).ok()?;
    picture.health.is_some().then_some(picture)
}

/// Syncs out.
pub(crate) fn push(args: &SyncArgs, global: &Global, ui: &Ui) -> Outcome {
    sync(args, global, ui, "push", Filter::Out)
}

/// Syncs in.
pub(crate) fn pull(args: &SyncArgs, global: &Global, ui: &Ui) -> Outcome {
    sync(args, global, ui, "pull", Filter::In)
}

/// Syncs both ways.
pub(crate) fn bidirectional(args: &SyncArgs, global: &Global, ui: &Ui) -> Outcome {
    sync(args, global, ui, "bidirectional", Filter::Both)
}

fn sync(args: &SyncArgs, global: &Global, ui: &Ui, command: &str, filter: Filter) -> Outcome {
    let begun = request(global, command, filter).and_then(|mut request| {
        request.dry_run = args.dry_run;
        request.verify = args.verify;
        request.confirm.clone_from(&args.confirm);
        request.conflicts = policy(&args.conflicts, global)?;
        Ok(request)
    });
    let asks = args.conflicts == "ask" && !args.dry_run && args.confirm.is_none() && ui.converses();
    let code = match begun {
        Ok(request) if asks => run_and_ask(&request, global, ui),
        begun => run_or_report(begun, command, ui),
    }?;
    if !args.dry_run {
        tidy(global, ui);
    }
    Ok(code)
}

/// Compresses old logs once the report is given. Whatever becomes of it, the run is over.
fn tidy(global: &Global, ui: &Ui) {
    let Ok((state, _)) = territory::open(global) else { return };
    let root = state.root().path();
    if duties::is_untidy(root).is_ok_and(|untidy| untidy) {
        ui.status("compressing old sealed logs; this can be interrupted");
        if let Err(error) = duties::tidy(root) {
            ui.warning(&error.to_string());
        }
    }
}

/// A run, and then the conversation about the conflicts that it left to decide.
fn run_and_ask(request: &Request, global: &Global, ui: &Ui) -> Outcome {
    let report = cycle(request, ui);
    let code = show_with_breaks(&report, request, ui)?;
    if report.error.is_some() {
        return Ok(code);
    }
    let Some(ended) = session::after_sync(&report, global, ui)? else { return Ok(code) };
    let is_left = |held: &Held| report.left.contains(&(held.path.clone(), held.mark));
    Ok(match (ended, code) {
        (session::INTERRUPTED | 1, _) => ended,
        (_, 4) => code,
        (0 | 3, _) if ended == 3 || !report.held.iter().all(is_left) => 3,
        (0, _) if !report.skipped.is_empty() => 7,
        _ => ended,
    })
}

/// Also a run that could not begin has a report.
fn run_or_report(begun: Result<Request, Failure>, command: &str, ui: &Ui) -> Outcome {
    match begun {
        Ok(request) => run(&request, ui),
        Err(failure) => match failure.into_engine_error() {
            Some(error) => show(&RunReport::of_failure(command, error), ui),
            None => Err(Failure::BrokenPipe),
        },
    }
}

/// A request that only looks at the territory of the command line.
pub(crate) fn request(global: &Global, command: &str, filter: Filter) -> Result<Request, Failure> {
    let (state, _) = territory::open(global)?;
    Ok(Request {
        root: state.root().path().to_owned(),
        peer: global.peer.clone(),
        program: program()?,
        build: BUILD.to_owned(),
        command: command.to_owned(),
        filter,
        dry_run: false,
        verify: false,
        conflicts: ConflictPolicy::ByPath,
        confirm: None,
        resolutions: None,
        provided: BTreeMap::new(),
        leave: Vec::new(),
        merge_lost: false,
        stays: false,
        interval: None,
        again: false,
        put_back: None,
    })
}

fn policy(word: &str, global: &Global) -> Result<ConflictPolicy, Failure> {
    match word {
        "ask" => Ok(ConflictPolicy::ByPath),
        "hold" => Ok(ConflictPolicy::Hold),
        "newer" => Ok(ConflictPolicy::Newer),
        "merge" => Ok(ConflictPolicy::Merge),
        name => Ok(ConflictPolicy::Take(side_named(name, global)?)),
    }
}

/// The side that a territory's name means.
pub(crate) fn side_named(name: &str, global: &Global) -> Result<Side, Failure> {
    let (_, config) = territory::open(global)?;
    let (peer, _) = config.peer(global.peer.as_deref())?;
    if name == config.name {
        Ok(Side::Here)
    } else if name == peer {
        Ok(Side::There)
    } else {
        Err(Failure::usage(
            format!("`{name}` is neither a territory of this pair nor another choice"),
            format!("the territories are {} and {peer}", config.name),
        ))
    }
}

/// Runs, shows the report, and returns its exit code.
pub(crate) fn run(request: &Request, ui: &Ui) -> Outcome {
    let report = cycle(request, ui);
    show_with_breaks(&report, request, ui)
}

/// Shows the report of a run with the links that it broke, which go on record.
fn show_with_breaks(report: &RunReport, request: &Request, ui: &Ui) -> Outcome {
    let broken = breaks::of(report, &request.root);
    if let Err(error) = breaks::note(&broken, report, &request.root) {
        ui.warning(&format!("which links broke is not on record: {error}"));
    }
    show_below(report, &broken, None, ui)
}

/// One run with progress, and the backup around it.
pub(crate) fn cycle(request: &Request, ui: &Ui) -> RunReport {
    let progress = Progress::new(ui);
    let report = backup::around(request, ui, |hear| {
        run_cycle(request, &|event| {
            hear(&event);
            progress.event(event);
        })
    });
    progress.finish();
    report
}

/// Shows a report and returns its exit code.
pub(crate) fn show(report: &RunReport, ui: &Ui) -> Outcome {
    show_below(report, &[], None, ui)
}

/// Shows a report below how the territory fares, with the links that the run breaks.
fn show_below(report: &RunReport, breaks: &[Break], head: Option<&Picture>, ui: &Ui) -> Outcome {
    if let Some(noise) = &report.noise {
        ui.warning(&format!(
            "the shell of {} prints before the agent answers: {noise}",
            report.names.there
        ));
    }
    if ui.json() {
        let mut document = render::json::run(report);
        document["breaks"] = render::breaks::document(breaks);
        if report.command == "status" {
            document["health"] = head.map(render::health::document).into();
        }
        ui.document(&document)?;
    } else {
        let head = head
            .filter(|_| !ui.quiet())
            .map(|head| render::health::head(head, report.actions.len(), ui));
        ui.answer(&format!(
            "{}{}",
            head.unwrap_or_default(),
            render::run::text(report, breaks, ui)
        ))?;
    }
    if let Some(error) = &report.error {
        ui.error(&error.to_string(), Some(error.hint()));
    }
    Ok(report.exit_code())
}
