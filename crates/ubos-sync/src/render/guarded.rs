//! What guards hold, as the last run recorded it: one block for each guard and territory, since one
//! command settles all of it.

use std::collections::BTreeMap;

use ubos_core::sides::Sides;
use ubos_engine::agent::message::Guarded;
use ubos_engine::cycle::report::{RunReport, guard_word};

use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Longer lists are cut unless more is asked for.
const MANY: usize = 40;

/// All blocks.
pub(crate) fn text(guarded: &[Guarded], names: &Sides<String>, ui: &Ui) -> String {
    let mut groups: BTreeMap<(String, &str), Vec<&Guarded>> = BTreeMap::new();
    for one in guarded {
        let guard = guard_word(one.guard).into_owned();
        groups.entry((guard, names.get(one.on))).or_default().push(one);
    }
    let mut text = String::new();
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    for ((guard, on), held) in groups {
        let head = format!("HELD by the guard {guard}: {} changes on {on}", held.len());
        text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &one_line(&head))));
        for one in held.iter().take(limit) {
            let line = format!("    {:<7}  {}", one.op, one.path);
            text.push_str(&format!("{}\n", one_line(&line)));
        }
        if held.len() > limit {
            text.push_str(&format!("    … and {} more (-v shows all)\n", held.len() - limit));
        }
    }
    if let Some(one) = guarded.first() {
        let command = confirm(&one.plans.here);
        text.push_str(&format!("    if this is what you want: {command}\n"));
        text.push_str("    if it is not: bring back what is missing or was changed; a sync then finds nothing to hold\n");
    }
    text
}

/// The command that carries out what a guard held in a run, or would hold.
pub(crate) fn confirm_run(report: &RunReport) -> String {
    let command = match report.command.as_str() {
        "status" | "watch" => "bidirectional",
        command => command,
    };
    let prefer = report.prefer.map(|side| format!(" --prefer {}", report.names.get(side)));
    format!("ubos-sync {command}{} --confirm {}", prefer.unwrap_or_default(), report.plan)
}

/// The command that carries out what guards held in the last run.
pub(crate) fn confirm(plan: &str) -> String {
    format!("ubos-sync bidirectional --confirm {plan}")
}
