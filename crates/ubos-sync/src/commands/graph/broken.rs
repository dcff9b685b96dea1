//! `ubos-sync graph broken`: links that lead nowhere.

use clap::Args;

use ubos_tiers::graph::ask::Question;

/// Links that lead nowhere: why, and what to write instead
///
/// Exits with 0 whether there are any or not: `ubos-sync vault check` is for scripts that want to know.
#[derive(Debug, Args)]
pub(crate) struct BrokenArgs {}

impl BrokenArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        Question::Broken {}
    }
}
