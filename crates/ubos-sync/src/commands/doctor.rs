//! placeholder
use crate::cli::Global;
use crate::failure::Outcome;
use crate::ui::Ui;
use clap::Args;
/// Check the whole set-up and say how to mend what is found
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {}
pub(crate) fn run(_args: &DoctorArgs, _global: &Global, _ui: &Ui) -> Outcome {
    Ok(0)
}
