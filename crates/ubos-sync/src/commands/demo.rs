//! placeholder
use crate::cli::Global;
use crate::failure::Outcome;
use crate::ui::Ui;
use clap::Args;
/// Demo
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {}
pub(crate) fn run(_args: &DemoArgs, _global: &Global, _ui: &Ui) -> Outcome {
    Ok(0)
}
