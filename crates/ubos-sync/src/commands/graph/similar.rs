//! `ubos-sync graph similar`: notes like one.

use clap::{Args, ValueEnum};

use ubos_tiers::graph::ask::Question;
use ubos_tiers::graph::questions::similar::Likeness;

use super::kinds::KindsArgs;

/// Notes like one: named together with it, or with the same neighbours
#[derive(Debug, Args)]
pub(crate) struct SimilarArgs {
    /// The note: its path, title or [[link]]
    #[arg(value_name = "NOTE")]
    note: String,
    /// What it is measured by
    #[arg(long, value_name = "MEASURE", default_value = "co-citation")]
    by: By,
    #[command(flatten)]
    kinds: KindsArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// Named by the same notes, the nearer together the more
    CoCitation,
    /// Shared neighbours, of all that either has
    Jaccard,
    /// Shared neighbours, the more the fewer neighbours those have
    AdamicAdar,
    /// Shared neighbours, of those of the one with fewer
    Overlap,
    /// Shared neighbours
    Common,
}

impl SimilarArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        let by = match self.by {
            By::CoCitation => Likeness::CoCitation,
            By::Jaccard => Likeness::Jaccard,
            By::AdamicAdar => Likeness::AdamicAdar,
            By::Overlap => Likeness::Overlap,
            By::Common => Likeness::Common,
        };
        Question::Similar { note: self.note.clone(), by, kinds: self.kinds.kinds() }
    }
}
