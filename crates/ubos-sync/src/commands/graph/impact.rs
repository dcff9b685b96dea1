//! `ubos-sync graph impact`: what hangs on a note.

use clap::Args;

use ubos_tiers::graph::ask::Question;

use super::kinds::KindsArgs;

/// What depends on a note, and which links break if it is deleted or renamed
///
/// A link can break, or silently lead to another file of the same name; both are told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph impact plan                    if it were deleted
  ubos-sync graph impact plan --rename goals     if it had this name
  ubos-sync graph impact plan --rename old/plan.md --depth 1")]
pub(crate) struct ImpactArgs {
    /// The note: its path, title or [[link]]
    #[arg(value_name = "NOTE")]
    note: String,
    /// Ask what this name or path would do to it, not its deletion
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Most steps to what depends on it
    #[arg(long, value_name = "N", default_value_t = 10)]
    depth: u32,
    #[command(flatten)]
    kinds: KindsArgs,
}

impl ImpactArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        Question::Impact {
            note: self.note.clone(),
            depth: self.depth,
            rename: self.rename.clone(),
            kinds: self.kinds.kinds(),
        }
    }
}
