//! `--kinds`: which kinds of references count.

use clap::Args;

use ubos_tiers::graph::model::EdgeKind;
use ubos_tiers::graph::questions::Kinds;

/// Which kinds of references count.
#[derive(Debug, Args)]
pub(crate) struct KindsArgs {
    /// Only these kinds: link, embed, front-matter, canvas-file, canvas-text, canvas-arrow, tag; with
    /// `--soft` also path-mention, unlinked-mention, duplicate
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<EdgeKind>,
}

impl KindsArgs {
    /// As questions take them.
    pub(crate) fn kinds(&self) -> Kinds {
        Kinds(self.kinds.clone())
    }
}

fn kind(word: &str) -> Result<EdgeKind, String> {
    let found = EdgeKind::ALL.into_iter().find(|kind| kind.word() == word.trim());
    found.ok_or_else(|| {
        let words: Vec<&str> = EdgeKind::ALL.iter().map(|kind| kind.word()).collect();
        format!("there are {}", words.join(", "))
    })
}
