//! The questions of `recover`. No lock is held while one waits.

use ubos_engine::error::EngineError;

use super::Preview;
use crate::failure::Failure;
use crate::render::recovery::{Places, does};
use crate::ui::Ui;
use crate::ui::prompt::{Answer, Prompt};

/// What a person decided.
pub(super) enum Decision {
    /// To carry out this preview.
    Take(usize),
    /// To leave everything as it is, and the exit code for it.
    Leave(u8),
}

/// Exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Asks which of `previews` is meant, if there are several, and whether to carry it out. The last
/// one was shown already.
pub(super) fn ask(previews: &[Preview], places: &Places, ui: &Ui) -> Result<Decision, Failure> {
    let prompt =
        Prompt::new().map_err(|e| EngineError::io("prepare", "the question to the terminal", e))?;
    let shown = previews.len() - 1;
    let mut chosen = shown;
    if previews.len() > 1 {
        chosen = match choose(&prompt, previews, ui) {
            Ok(chosen) => chosen,
            Err(decision) => return Ok(decision),
        };
    }
    let preview = &previews[chosen];
    if let Some(error) = &preview.report.error {
        ui.error(&error.to_string(), Some(error.hint()));
        return Ok(Decision::Leave(error.exit_code()));
    }
    if chosen != shown {
        ui.answer(&format!("\n{}", does(&preview.report, places, ui)))?;
    }
    match prompt.ask("\nCarry this out? Nothing is deleted by it. [y/N]", ui) {
        Answer::Line(line) if ["y", "yes"].contains(&line.trim().to_lowercase().as_str()) => {
            Ok(Decision::Take(chosen))
        }
        Answer::Line(_) => Ok(Decision::Leave(super::NOT_DONE)),
        other => Ok(gone(&other)),
    }
}

/// Which one is meant; or, where nothing is to be done, that.
fn choose(prompt: &Prompt, previews: &[Preview], ui: &Ui) -> Result<usize, Decision> {
    ui.status("\nA folder was restored from an older copy. What was meant?");
    for (index, preview) in previews.iter().enumerate() {
        ui.status(&format!("  {}. {}", index + 1, preview.means));
    }
    let leave = previews.len() + 1;
    ui.status(&format!("  {leave}. leave everything as it is"));
    loop {
        match prompt.ask(&format!("Which? [1-{leave}]"), ui) {
            Answer::Line(line) => match line.parse::<usize>() {
                Ok(number) if (1..leave).contains(&number) => return Ok(number - 1),
                Ok(number) if number == leave => return Err(Decision::Leave(super::NOT_DONE)),
                _ => ui.status(&format!("Type a number from 1 to {leave}, then Enter.")),
            },
            other => return Err(gone(&other)),
        }
    }
}

fn gone(answer: &Answer) -> Decision {
    Decision::Leave(if *answer == Answer::Interrupted { INTERRUPTED } else { super::NOT_DONE })
}
