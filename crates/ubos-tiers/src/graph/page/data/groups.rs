//! The vault's colour groups and its filter, decided by the one search engine: the page is told the
//! outcome and understands no query itself.

use super::values::Group;
use crate::graph::page::settings::Settings;
use crate::graph::search::{Document, Query};

/// A query that says something, or why it is not understood. Neither: it is empty.
struct Understood {
    query: Option<Query>,
    trouble: Option<String>,
}

impl Understood {
    fn of(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self { query: None, trouble: None };
        }
        match Query::parse(text) {
            Ok(query) => Self { query: Some(query), trouble: None },
            Err(why) => Self { query: None, trouble: Some(why.to_string()) },
        }
    }

    fn finds(&self, document: &Document<'_>) -> bool {
        self.query.as_ref().is_some_and(|query| query.holds(document))
    }
}

/// The queries of a vault's settings.
pub(super) struct Groups<'s> {
    settings: &'s Settings,
    groups: Vec<Understood>,
    filter: Understood,
}

impl<'s> Groups<'s> {
    /// Understands what it can. What it cannot finds nothing: a wrong colour would be worse than none.
    pub(super) fn of(settings: &'s Settings) -> Self {
        let groups = settings.groups.iter().map(|group| Understood::of(&group.query)).collect();
        Self { settings, groups, filter: Understood::of(&settings.search) }
    }

    /// The first group that finds a file.
    pub(super) fn colours(&self, document: &Document<'_>) -> Option<u32> {
        let first = self.groups.iter().position(|group| group.finds(document));
        first.and_then(|at| u32::try_from(at).ok())
    }

    /// Whether the filter leaves a file out.
    pub(super) fn leaves_out(&self, document: &Document<'_>) -> bool {
        self.filter.query.is_some() && !self.filter.finds(document)
    }

    /// The groups, each with what is wrong with it.
    pub(super) fn as_written(&self) -> Vec<Group> {
        let all = self.settings.groups.iter().zip(&self.groups);
        all.map(|(group, understood)| Group {
            query: group.query.clone(),
            colour: format!("#{:06x}", group.colour),
            trouble: understood.trouble.clone(),
        })
        .collect()
    }

    /// The filter, and what is wrong with it.
    pub(super) fn filter_as_written(&self) -> (String, Option<String>) {
        (self.settings.search.trim().to_owned(), self.filter.trouble.clone())
    }
}
