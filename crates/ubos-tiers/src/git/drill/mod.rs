//! The drill: two of the three places are taken for lost, and everything is built again from the third
//! alone, in a folder of its own, and compared with the newest manifest.
//!
//! `choose` says, for a place that has a tree beside its repository, which of the two a path comes
//! from; `rebuild` reads, writes and reads again, in a `workshop`; `survivor` knows what each place
//! has; `verdict` judges, purely; `told` and `answer` are what the peer says of itself.

pub mod answer;
pub mod choose;
pub mod rebuild;
pub mod survivor;
pub mod told;
pub mod verdict;
pub mod workshop;
