//! `DirScope`: what the selection still has to say inside one folder.
//!
//! A walk carries a scope down with it. A scope holds what the path so far has decided (which
//! lines cover the folder, whether it is excluded) and the threads of the patterns that can still
//! match below; so an entry is judged by its name alone.

use std::sync::Arc;

use super::name::normal_name;
use super::rules::{Rules, Thread};
use super::verdict::By;
use super::{Selection, Verdict, is_reserved_name};

/// The selection as it applies to the entries of one folder. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DirScope<'s> {
    selection: &'s Selection,
    state: Arc<State>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// Set where the folder or one above it is excluded: nothing below is selected but the
    /// manifests themselves.
    shut: Option<By>,
    builtin: Vec<Thread>,
    exclude: Vec<Thread>,
    to: Area,
    from: Area,
    /// The manifests that lie in this folder or below: which, and how many of their names are
    /// matched.
    pinned: Vec<(u8, usize)>,
    /// What holds for an entry that no line matches anew.
    inherited: By,
}

/// The to or the from manifest inside a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Area {
    threads: Vec<Thread>,
    covering: Covering,
}

/// Which lines of one manifest matched a path or a folder above it, as far as they count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Covering {
    /// Lines that select, all of them below the last one that takes back.
    selecting: Vec<u32>,
    /// The last line that takes back.
    taken_back: Option<u32>,
}

impl Covering {
    /// A line that takes back undoes the lines above it and none below it.
    fn add(&mut self, rules: &Rules, rule: u32) {
        if rules.pattern(rule).is_negated() {
            self.taken_back = self.taken_back.max(Some(rule));
            self.selecting.retain(|&other| other > rule);
        } else if self.taken_back < Some(rule) && !self.selecting.contains(&rule) {
            self.selecting.push(rule);
            // Two folders reached by different ways compare equal.
            self.selecting.sort_unstable();
        }
    }

    /// The line that wins within its manifest: the longer literal prefix, then the later one.
    pub(super) fn best(&self, rules: &Rules) -> Option<u32> {
        let weight = |&&rule: &&u32| (rules.pattern(rule).literal_prefix(), rule);
        self.selecting.iter().max_by_key(weight).copied()
    }

    pub(super) fn taken_back(&self) -> Option<u32> {
        self.taken_back
    }
}

impl<'s> DirScope<'s> {
    pub(super) fn root(selection: &'s Selection) -> Self {
        let area = |rules: &Rules| Area { threads: rules.start().to_vec(), ..Area::default() };
        let state = State {
            shut: None,
            builtin: selection.builtin.start().to_vec(),
            exclude: selection.exclude.start().to_vec(),
            to: area(&selection.to),
            from: area(&selection.from),
            pinned: (0..).zip(&selection.pinned).map(|(which, _)| (which, 0)).collect(),
            inherited: By::Nothing,
        };
        Self { selection, state: Arc::new(state) }
    }

    /// What the selection says about the entry `name` of this folder. A symbolic link is no
    /// folder, whatever it points to.
    pub fn judge(&self, name: &[u8], is_dir: bool) -> Verdict {
        self.decide(name, is_dir).verdict()
    }

    /// The scope of the folder `name` in this one. Meant for folders that were judged selected or
    /// passage; in any other nothing is selected, except the manifests.
    #[must_use]
    pub fn enter(&self, name: &[u8]) -> DirScope<'s> {
        let state = self.state_of(name);
        let state = if state == *self.state { Arc::clone(&self.state) } else { Arc::new(state) };
        DirScope { selection: self.selection, state }
    }

    /// Whether everything below is excluded, and by what.
    pub(super) fn shut(&self) -> Option<By> {
        self.state.shut
    }

    /// As [`DirScope::judge`], with the reason.
    pub(super) fn decide(&self, raw: &[u8], is_dir: bool) -> By {
        if is_reserved_name(raw) {
            return By::Reserved;
        }
        let name = &normal_name(raw, self.selection.fold_case)[..];
        let pinned = if is_dir { None } else { self.pinned_here(name) };
        if let Some(which) = pinned {
            return By::Pinned(which);
        }
        let by = match self.state.shut.or_else(|| self.excluding(name, is_dir)) {
            Some(by) => by,
            None => self.selecting(name, is_dir),
        };
        if is_dir && !by.is_selecting() { self.passage(name, by) } else { by }
    }

    fn pinned_here(&self, name: &[u8]) -> Option<u8> {
        let selection = self.selection;
        let found = self.state.pinned.iter().find(|(which, at)| {
            let names = &selection.pinned[usize::from(*which)];
            at + 1 == names.len() && &names[*at][..] == name
        });
        found.map(|(which, _)| *which)
    }

    /// The manifests that lie below the folder `name`, as its own scope holds them.
    fn pinned_below(&self, name: &[u8]) -> impl Iterator<Item = (u8, usize)> {
        let found = self.state.pinned.iter().filter(move |(which, at)| {
            let names = &self.selection.pinned[usize::from(*which)];
            at + 1 < names.len() && &names[*at][..] == name
        });
        found.map(|(which, at)| (*which, at + 1))
    }

    /// What excludes the entry itself, taking no account of the folders above.
    fn excluding(&self, name: &[u8], is_dir: bool) -> Option<By> {
        let Selection { builtin, exclude, .. } = self.selection;
        if let Some(rule) = builtin.last_matching(&self.state.builtin, name, is_dir)
            && !builtin.pattern(rule).is_negated()
        {
            return Some(By::Builtin(rule));
        }
        let rule = exclude.last_matching(&self.state.exclude, name, is_dir)?;
        (!exclude.pattern(rule).is_negated()).then_some(By::Excluded(rule))
    }

    fn selecting(&self, name: &[u8], is_dir: bool) -> By {
        let Selection { to, from, .. } = self.selection;
        let State { to: here_to, from: here_from, inherited, .. } = &*self.state;
        let new_to = here_to.covering_with(to, name, is_dir);
        let new_from = here_from.covering_with(from, name, is_dir);
        if new_to.is_none() && new_from.is_none() {
            return *inherited;
        }
        self.selection.winner(
            new_to.as_ref().unwrap_or(&here_to.covering),
            new_from.as_ref().unwrap_or(&here_from.covering),
        )
    }

    /// A folder that is not selected is a passage where something below it may be.
    fn passage(&self, name: &[u8], by: By) -> By {
        if let Some((which, _)) = self.pinned_below(name).next() {
            return By::PassageToManifest(which);
        }
        if by.is_excluding() {
            return by;
        }
        let Selection { to, from, .. } = self.selection;
        if let Some(rule) = to.alive_below(&self.state.to.threads, name) {
            By::PassageTo(rule)
        } else if let Some(rule) = from.alive_below(&self.state.from.threads, name) {
            By::PassageFrom(rule)
        } else {
            by
        }
    }

    fn state_of(&self, raw: &[u8]) -> State {
        let name = &normal_name(raw, self.selection.fold_case)[..];
        let reserved = is_reserved_name(raw).then_some(By::Reserved);
        let pinned =
            if reserved.is_some() { Vec::new() } else { self.pinned_below(name).collect() };
        let state = &self.state;
        let shut = state.shut.or(reserved).or_else(|| self.excluding(name, true));
        if let Some(by) = shut {
            return State {
                shut: Some(by),
                builtin: Vec::new(),
                exclude: Vec::new(),
                to: Area::default(),
                from: Area::default(),
                pinned,
                inherited: by,
            };
        }
        let selection = self.selection;
        State {
            shut: None,
            builtin: selection.builtin.advanced(&state.builtin, name),
            exclude: selection.exclude.advanced(&state.exclude, name),
            to: state.to.entered(&selection.to, name),
            from: state.from.entered(&selection.from, name),
            pinned,
            inherited: self.selecting(name, true),
        }
    }
}

impl Area {
    /// The lines that cover the entry `name`, if one matches it anew.
    fn covering_with(&self, rules: &Rules, name: &[u8], is_dir: bool) -> Option<Covering> {
        let mut new: Option<Covering> = None;
        rules.matching(&self.threads, name, is_dir, |rule| {
            new.get_or_insert_with(|| self.covering.clone()).add(rules, rule);
        });
        new
    }

    fn entered(&self, rules: &Rules, name: &[u8]) -> Area {
        Area {
            threads: rules.advanced(&self.threads, name),
            covering: self
                .covering_with(rules, name, true)
                .unwrap_or_else(|| self.covering.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::defaults::DEFAULTS;
    use crate::manifest::{ManifestPaths, Manifests};
    use crate::selection::Builtin;

    fn selection() -> Selection {
        let paths = ManifestPaths::for_peer("balaur").unwrap();
        let texts = DEFAULTS.map(|text| Some(text.as_bytes().to_vec()));
        let manifests = Manifests::read(&paths, &texts).unwrap();
        Selection::compile(&manifests, &Builtin::default()).unwrap()
    }

    /// What makes a walk over a million entries cheap.
    #[test]
    fn deep_in_a_plain_folder_there_is_nothing_left_to_try_and_nothing_to_allocate() {
        let selection = selection();
        let docs = selection.root().enter(b"docs");
        assert!(docs.state.to.threads.is_empty());
        assert!(docs.state.from.threads.is_empty());
        assert!(docs.state.exclude.is_empty());
        let below = docs.enter(b"a");
        assert!(Arc::ptr_eq(&docs.state, &below.state));
    }

    #[test]
    fn below_an_excluded_folder_the_scope_is_shut() {
        let selection = selection();
        let scope = selection.root().enter(b"docs").enter(b".cache");
        assert!(scope.shut().is_some());
        assert_eq!(scope.judge(b"x", false), Verdict::Excluded);
        assert_eq!(scope.enter(b"y").judge(b"x", true), Verdict::Excluded);
        assert_eq!(selection.root().enter(b".git").judge(b"x", false), Verdict::Excluded);
    }
}
