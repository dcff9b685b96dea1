//! `ubos-sync graph tags`: tags and where they are used.

use clap::Args;

use ubos_tiers::graph::ask::Question;

/// All tags with their counts, or where one is used
///
/// A tag counts what is below it: `work` also `work/deep`.
#[derive(Debug, Args)]
pub(crate) struct TagsArgs {
    /// The tag, with `#` or without
    #[arg(value_name = "TAG")]
    tag: Option<String>,
}

impl TagsArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        Question::Tags { tag: self.tag.clone() }
    }
}
