//! `ubos-sync graph links`: what a note refers to.

use clap::Args;

use ubos_tiers::graph::ask::Question;

use super::kinds::KindsArgs;

/// What a note refers to
#[derive(Debug, Args)]
pub(crate) struct LinksArgs {
    /// The note: its path, title or [[link]]
    #[arg(value_name = "NOTE")]
    note: String,
    #[command(flatten)]
    kinds: KindsArgs,
}

impl LinksArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        Question::Links { note: self.note.clone(), kinds: self.kinds.kinds() }
    }
}
