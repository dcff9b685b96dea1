//! `ubos-sync graph path`: why two notes are connected.

use clap::Args;

use ubos_tiers::graph::ask::Question;

use super::kinds::KindsArgs;

/// Why two notes are connected: the shortest chains of references, with the sentences
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph path plan roadmap                   the three shortest chains
  ubos-sync graph path plan roadmap --directed --count 1
  ubos-sync graph path plan roadmap --kinds link,tag  also by tags")]
pub(crate) struct PathArgs {
    /// One note
    #[arg(value_name = "NOTE")]
    from: String,
    /// The other
    #[arg(value_name = "OTHER")]
    to: String,
    /// How many chains, at most 100
    #[arg(long, value_name = "N", default_value_t = 3)]
    count: usize,
    /// Count references only from the one that refers to the other
    #[arg(long)]
    directed: bool,
    #[command(flatten)]
    kinds: KindsArgs,
}

impl PathArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        Question::Path {
            from: self.from.clone(),
            to: self.to.clone(),
            count: self.count,
            directed: self.directed,
            kinds: self.kinds.kinds(),
        }
    }
}
