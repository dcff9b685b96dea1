//! `ubos-sync graph backlinks`: what refers to a note.

use clap::Args;

use ubos_tiers::graph::ask::Question;

use super::kinds::KindsArgs;

/// What refers to a note
#[derive(Debug, Args)]
pub(crate) struct BacklinksArgs {
    /// The note: its path, title or [[link]]
    #[arg(value_name = "NOTE")]
    note: String,
    #[command(flatten)]
    kinds: KindsArgs,
}

impl BacklinksArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        Question::Backlinks { note: self.note.clone(), kinds: self.kinds.kinds() }
    }
}
