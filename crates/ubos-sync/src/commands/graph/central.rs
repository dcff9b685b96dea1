//! `ubos-sync graph central`: what matters most.

use clap::{Args, ValueEnum};

use ubos_tiers::graph::ask::Question;
use ubos_tiers::graph::questions::central::Measure;

use super::kinds::KindsArgs;

/// Notes that matter most, by PageRank, betweenness, degree or HITS
#[derive(Debug, Args)]
pub(crate) struct CentralArgs {
    /// What it is measured by
    #[arg(long, value_name = "MEASURE", default_value = "pagerank")]
    by: By,
    #[command(flatten)]
    kinds: KindsArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// Where somebody who follows links at random is most often
    Pagerank,
    /// How many shortest ways between others lead through it
    Betweenness,
    /// How many files are next to it
    Degree,
    /// How many refer to it
    In,
    /// How many it refers to
    Out,
    /// Whether it refers to what matters
    Hub,
    /// Whether what refers to much refers to it
    Authority,
}

impl CentralArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        let by = match self.by {
            By::Pagerank => Measure::Pagerank,
            By::Betweenness => Measure::Betweenness,
            By::Degree => Measure::Degree,
            By::In => Measure::In,
            By::Out => Measure::Out,
            By::Hub => Measure::Hub,
            By::Authority => Measure::Authority,
        };
        Question::Central { by, kinds: self.kinds.kinds() }
    }
}
