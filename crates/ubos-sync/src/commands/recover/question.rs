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

/// Asks which of `previews` is meant, if there are several, and whether to carry it out. The first
/// one was shown already.
pub(super) fn ask(previews: &[Preview], places: &Places, ui: &Ui) -> Result<Decision, Failure> {
    let prompt =
        Prompt::new().map_err(|e| EngineError::io("prepare", "the question to the terminal", e))?;
    let mut chosen = 0;
    if let [each, mistake, meant] = previews {
        ui.status("\nA folder was restored from an older copy. What was meant?");
        for (key, preview) in [(1, mistake), (2, meant), (3, each)] {
            ui.status(&format!("  {key}. {}", preview.means));
        }
        ui.status("  4. leave everything as it is");
        chosen = loop {
            match prompt.ask("Which? [1-4]", ui) {
                Answer::Line(line) => match line.trim() {
                    "1" => break 1,
                    "2" => break 2,
                    "3" => break 0,
                    "4" | "q" => return Ok(Decision::Leave(super::NOT_DONE)),
                    _ => ui.status("Type 1, 2, 3 or 4, then Enter."),
                },
                other => return Ok(gone(&other)),
            }
        };
        if chosen > 0 {
            if let Some(error) = &previews[chosen].report.error {
                ui.error(&error.to_string(), Some(error.hint()));
                return Ok(Decision::Leave(error.exit_code()));
            }
            ui.answer(&format!("\n{}", does(&previews[chosen].report, places, ui)))?;
        }
    }
    match prompt.ask("\nCarry this out? Nothing is deleted by it. [y/N]", ui) {
        Answer::Line(line) if ["y", "yes"].contains(&line.trim().to_lowercase().as_str()) => {
            Ok(Decision::Take(chosen))
        }
        Answer::Line(_) => Ok(Decision::Leave(super::NOT_DONE)),
        other => Ok(gone(&other)),
    }
}

fn gone(answer: &Answer) -> Decision {
    Decision::Leave(if *answer == Answer::Interrupted { INTERRUPTED } else { super::NOT_DONE })
}
