//! `ubos-sync graph neighbours`: what is around a note.

use clap::{Args, ValueEnum};

use ubos_tiers::graph::ask::Question;
use ubos_tiers::graph::questions::neighbours::Direction;

use super::kinds::KindsArgs;

/// What is around a note, step by step
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph neighbours plan --depth 2
  ubos-sync graph neighbours plan --direction in --kinds link,embed")]
pub(crate) struct NeighboursArgs {
    /// The note: its path, title or [[link]]
    #[arg(value_name = "NOTE")]
    note: String,
    /// Most steps
    #[arg(long, value_name = "N", default_value_t = 1)]
    depth: u32,
    /// Along which way of references
    #[arg(long, value_name = "WAY", default_value = "both")]
    direction: Way,
    #[command(flatten)]
    kinds: KindsArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Way {
    Both,
    Out,
    In,
}

impl NeighboursArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        let direction = match self.direction {
            Way::Both => Direction::Both,
            Way::Out => Direction::Out,
            Way::In => Direction::In,
        };
        Question::Neighbours {
            note: self.note.clone(),
            depth: self.depth,
            direction,
            kinds: self.kinds.kinds(),
        }
    }
}
