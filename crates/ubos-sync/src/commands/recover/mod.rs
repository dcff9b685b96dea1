//! `ubos-sync recover`: after lost, damaged or restored state, the trees are merged; nothing is
//! deleted. It says what it sees and what it would do, and asks.

mod question;

use clap::Args;
use serde_json::{Value, json};

use ubos_core::plan::Filter;
use ubos_core::sides::Side;
use ubos_engine::cycle::diagnosis;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::cycle::{ConflictPolicy, Request};

use super::sync;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render;
use crate::render::command::word;
use crate::render::recovery::{Places, Way};
use crate::territory;
use crate::ui::{Tone, Ui};
use question::Decision;

/// Find the way back after lost, damaged or restored state, deleting nothing
///
/// Says what it sees on both territories and what it would do about it, shows every action, and asks
/// before anything is changed. What both sides hold alike is agreed, what one side has is given to the
/// other, what differs becomes a conflict, or is decided by `--prefer`. Nothing is deleted; whatever is
/// replaced goes to the backups. Where nothing needs recovering, nothing happens.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync recover                     look, explain, ask
  ubos-sync recover -n                  look and explain only
  ubos-sync recover --prefer localhost  localhost's version wins")]
pub(crate) struct RecoverArgs {
    /// Show what would happen, change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Carry out the plan with this id, as the preview showed it
    #[arg(long, value_name = "PLAN")]
    confirm: Option<String>,
    /// Where both hold different versions, this territory's win; the others go to the backups
    #[arg(long, value_name = "TERRITORY")]
    prefer: Option<String>,
}

/// Exit code where something needs recovering and was not recovered.
const NOT_DONE: u8 = 4;

/// A plan that was looked at, for one choice.
struct Preview {
    means: String,
    request: Request,
    report: RunReport,
}

/// Carries it out.
pub(crate) fn run(args: &RecoverArgs, global: &Global, ui: &Ui) -> Outcome {
    let mut request = sync::request(global, "recover", Filter::Both)?;
    request.merge_lost = true;
    request.conflicts = match &args.prefer {
        Some(name) => ConflictPolicy::Take(sync::side_named(name, global)?),
        None => ConflictPolicy::Hold,
    };
    if let Some(plan) = args.confirm.as_ref().filter(|_| !args.dry_run) {
        request.confirm = Some(plan.clone());
        return carry_out(&request, ui);
    }
    request.dry_run = true;
    let report = sync::cycle(&request, ui);
    if !report.forgets || is_empty_start(&report) {
        return not_needed(report, ui);
    }
    if report.error.is_some() {
        return failed(&report, ui);
    }
    let previews = previews(request, report, ui);
    if ui.json() {
        return document(&previews, args.dry_run, global, ui);
    }
    let places = places(global)?;
    let open = without_choice(&previews);
    show(open, &places, ui)?;
    if args.dry_run || !ui.can_ask() {
        let ways: Vec<Way> = possible(&previews).map(|preview| way(preview, global)).collect();
        ui.answer(&render::recovery::ways(&ways, ui))?;
        return Ok(if args.dry_run { open.report.exit_code() } else { NOT_DONE });
    }
    match question::ask(&previews, &places, ui)? {
        Decision::Take(index) => {
            let Preview { request, report, .. } = &previews[index];
            let confirm = Some(report.plan.clone());
            carry_out(&Request { dry_run: false, confirm, ..request.clone() }, ui)
        }
        Decision::Leave(code) => {
            ui.status("Nothing was changed.");
            Ok(code)
        }
    }
}

/// Whether the two never synced and hold nothing that differs.
fn is_empty_start(report: &RunReport) -> bool {
    report.error.is_none()
        && report.diagnosis.iter().all(|finding| finding.kind == diagnosis::FindingKind::Fine)
        && report.actions.is_empty()
        && report.conflicts.is_empty()
        && report.held.is_empty()
}

/// The plans for all that a person may mean. There is one, unless a folder was restored from an older
/// copy, holds other versions than its peer, and nothing was said about it. The last one is what
/// happens without a choice.
fn previews(request: Request, report: RunReport, ui: &Ui) -> Vec<Preview> {
    let open = request.conflicts == ConflictPolicy::Hold && !report.conflicts.is_empty();
    let older = diagnosis::restored(&report.diagnosis).filter(|_| open);
    let Some(older) = older else {
        let means = "as shown above".to_owned();
        return vec![Preview { means, request, report }];
    };
    let [mistake, meant, each] = render::recovery::meanings(&report.names, older);
    let take = |side: Side, means: String| {
        let request = Request { conflicts: ConflictPolicy::Take(side), ..request.clone() };
        let report = sync::cycle(&request, ui);
        Preview { means, request, report }
    };
    let winners = [take(older.other(), mistake), take(older, meant)];
    winners.into_iter().chain([Preview { means: each, request, report }]).collect()
}

fn without_choice(previews: &[Preview]) -> &Preview {
    previews.last().expect("there is always a plan")
}

/// Those that can be carried out.
fn possible(previews: &[Preview]) -> impl Iterator<Item = &Preview> {
    previews.iter().filter(|preview| preview.report.error.is_none())
}

fn show(preview: &Preview, places: &Places, ui: &Ui) -> Result<(), Failure> {
    let report = &preview.report;
    let mut text = render::recovery::seen(report, ui);
    text.push_str(&render::recovery::does(report, places, ui));
    text.push_str(&render::recovery::copies(report, ", once this is done", ui));
    ui.answer(&text)
}

fn way(preview: &Preview, global: &Global) -> Way {
    Way { means: preview.means.clone(), command: command(&preview.report, global) }
}

/// The command that carries out exactly this plan.
fn command(report: &RunReport, global: &Global) -> String {
    let peer = global.peer.as_ref().map(|peer| format!(" --peer {}", word(peer.as_bytes())));
    let prefer =
        report.prefer.map(|side| format!(" --prefer {}", word(report.names.get(side).as_bytes())));
    let (peer, prefer) = (peer.unwrap_or_default(), prefer.unwrap_or_default());
    format!("ubos-sync recover{peer}{prefer} --confirm {}", report.plan)
}

fn places(global: &Global) -> Result<Places, Failure> {
    let (state, config) = territory::open(global)?;
    let (_, peer) = config.peer(global.peer.as_deref())?;
    Ok(Places {
        root: state.root().path().display().to_string(),
        address: peer.address.clone().unwrap_or_default(),
    })
}

/// One run that changes something, and what is left to do after it.
fn carry_out(request: &Request, ui: &Ui) -> Outcome {
    let report = sync::cycle(request, ui);
    if report.error.is_none() && !report.forgets {
        return not_needed(report, ui);
    }
    let code = sync::show(&report, ui)?;
    if !ui.json() {
        ui.answer(&render::recovery::copies(&report, "", ui))?;
    }
    Ok(code)
}

/// Nothing was lost, or what was lost comes back by itself, or it cannot be told.
fn not_needed(mut report: RunReport, ui: &Ui) -> Outcome {
    if report.error.is_some() {
        return failed(&report, ui);
    }
    // What a sync would do is not what recover does.
    report.actions.clear();
    report.guarded.clear();
    report.guards.clear();
    report.skipped.clear();
    let (conflicts, held) =
        (std::mem::take(&mut report.conflicts), std::mem::take(&mut report.held));
    if ui.json() {
        let mut document = extended(&report, Vec::new());
        document["needed"] = false.into();
        ui.document(&document)?;
        return Ok(0);
    }
    let mut text = render::recovery::seen(&report, ui);
    text.push_str(&ui.tone(Tone::Good, "Nothing needs recovering."));
    text.push('\n');
    let is_fine = |finding: &diagnosis::Finding| finding.kind == diagnosis::FindingKind::Fine;
    if !report.diagnosis.iter().all(is_fine) {
        text.push_str("The next sync mends it by itself: ubos-sync bidirectional\n");
    }
    // Single paths are named where something else is open beside them.
    (report.conflicts, report.held) = (conflicts, held);
    text.push_str(&render::recovery::copies(&report, "", ui));
    ui.answer(&text)?;
    Ok(0)
}

/// It could not even be looked at; what is known is told all the same.
fn failed(report: &RunReport, ui: &Ui) -> Outcome {
    if !ui.json() && !report.diagnosis.is_empty() {
        ui.answer(&render::recovery::seen(report, ui))?;
    }
    sync::show(report, ui)
}

fn document(previews: &[Preview], dry_run: bool, global: &Global, ui: &Ui) -> Outcome {
    let report = &without_choice(previews).report;
    let ways = possible(previews).map(|preview| {
        let report = &preview.report;
        json!({
            "means": preview.means,
            "prefer": report.prefer.map(|side| report.names.get(side)),
            "plan": report.plan,
            "command": command(report, global),
        })
    });
    let mut document = extended(report, ways.collect());
    document["needed"] = true.into();
    let code = if dry_run { report.exit_code() } else { NOT_DONE };
    document["exit"] = code.into();
    ui.document(&document)?;
    Ok(code)
}

/// The report of a run with what only recover tells.
fn extended(report: &RunReport, ways: Vec<Value>) -> Value {
    let mut document = render::json::run(report);
    document["ways"] = ways.into();
    let promote =
        Side::BOTH.into_iter().flat_map(|on| render::recovery::promote_commands(report, on));
    document["promote"] = promote.collect();
    document
}
