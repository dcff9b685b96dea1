//! `ubos-sync graph clusters`: what belongs together.

use clap::{Args, ValueEnum};

use ubos_tiers::graph::ask::Question;
use ubos_tiers::graph::questions::clusters::Method;

use super::kinds::KindsArgs;

/// Notes that belong together
///
/// `--limit` is the number of files that are shown of each cluster.
#[derive(Debug, Args)]
pub(crate) struct ClustersArgs {
    /// How they are found
    #[arg(long, value_name = "METHOD", default_value = "louvain")]
    method: By,
    /// With `labels`: what the order in which they spread is drawn from
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    kinds: KindsArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// Moves files as long as more is joined within clusters than by chance
    Louvain,
    /// Every file takes the label that most of its neighbours have
    Labels,
}

impl ClustersArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        let method = match self.method {
            By::Louvain => Method::Louvain,
            By::Labels => Method::Labels,
        };
        Question::Clusters { method, seed: self.seed, kinds: self.kinds.kinds() }
    }
}
