//! Which paths take part, in which direction, and why.
//!
//! The manifests are compiled once into a [`Selection`]. A walk asks it through a [`DirScope`] a
//! folder; whoever has a single path asks [`Selection::judge_path`]; whoever has to justify an
//! answer asks [`Selection::explain`]. All three follow the same code.
//!
//! In what order things count: the names that can never be synced; then the three manifests
//! themselves, which always are; then the defaults and the exclude manifest, by gitignore's rules,
//! so that nothing below an excluded folder comes back; then the to and from manifests. In each of
//! those a line covers what it matches and all below, and a `!` line takes back what the lines
//! above it cover. Of the lines that are left the longest literal prefix wins.

pub mod builtin;
mod covers;
pub mod entries;
pub mod explain;
mod name;
pub mod pattern;
mod rules;
mod scope;
mod verdict;

pub(crate) use self::covers::Covers;

pub use self::builtin::{Builtin, is_disposable_junk, is_reserved_name};
pub use self::entries::{Effect, EntryId, ManifestEntry};
pub use self::explain::Explanation;
pub use self::scope::DirScope;
pub use self::verdict::Verdict;

use self::name::normal_name;
use self::pattern::{Anchoring, Pattern};
use self::rules::Rules;
use self::scope::Covering;
use self::verdict::By;
use crate::entry::Digest;
use crate::manifest::{
    Direction, ManifestError, ManifestErrors, ManifestFile, Manifests, PerManifest, Role,
};
use crate::path::RelPath;

/// The compiled manifests of a pair.
#[derive(Debug, Clone)]
pub struct Selection {
    digest: Digest,
    fold_case: bool,
    /// The names of each manifest's own path, in the form in which names are compared.
    pinned: Vec<Vec<Box<[u8]>>>,
    builtin: Rules,
    to: Rules,
    from: Rules,
    exclude: Rules,
    builtin_texts: Vec<String>,
    entries: Vec<ManifestEntry>,
    /// The first entry of each file; the manifests themselves come after all of them.
    offsets: PerManifest<usize>,
    pinned_offset: usize,
}

impl Selection {
    /// Compiles the manifests.
    ///
    /// # Errors
    /// When no line of the to and from manifests selects anything, a line of the exclude manifest
    /// leaves nothing of it, or a pattern of `builtin.extra` is none.
    pub fn compile(manifests: &Manifests, builtin: &Builtin) -> Result<Self, ManifestErrors> {
        let mut errors = Vec::new();
        let mut compiled = |file| compile_file(file, builtin.fold_case, &mut errors);
        let to = compiled(&manifests.to);
        let from = compiled(&manifests.from);
        let exclude = compiled(&manifests.exclude);
        let junk = compile_builtin(builtin, &mut errors);
        let selects = |patterns: &[Pattern]| patterns.iter().any(|p| !p.is_negated());
        if errors.is_empty() && !selects(&to) && !selects(&from) {
            errors.push(ManifestError::nothing_selected(manifests.to.path()));
        }
        errors.extend(excludes_everything(&manifests.exclude, &exclude));
        if !errors.is_empty() {
            return Err(ManifestErrors(errors));
        }
        let patterns = PerManifest { to, from, exclude };
        let entries = entries::list(manifests, &patterns);
        let (to_lines, from_lines) = (patterns.to.len(), patterns.from.len());
        let offsets = PerManifest { to: 0, from: to_lines, exclude: to_lines + from_lines };
        Ok(Self {
            digest: digest(manifests, builtin),
            fold_case: builtin.fold_case,
            pinned: pinned_names(manifests, builtin.fold_case),
            builtin: Rules::new(junk),
            pinned_offset: offsets.exclude + patterns.exclude.len(),
            to: Rules::new(patterns.to),
            from: Rules::new(patterns.from),
            exclude: Rules::new(patterns.exclude),
            builtin_texts: builtin.patterns().map(str::to_owned).collect(),
            entries,
            offsets,
        })
    }

    /// The scope of the root folder, where every walk begins.
    pub fn root(&self) -> DirScope<'_> {
        DirScope::root(self)
    }

    /// What the selection says about a path. Below a folder that is excluded or that nothing
    /// names, no path is selected.
    pub fn judge_path(&self, path: &RelPath, is_dir: bool) -> Verdict {
        self.decide(path, is_dir).verdict()
    }

    /// The manifest line that selects the path; `None` if it is not selected.
    pub fn entry_of(&self, path: &RelPath, is_dir: bool) -> Option<EntryId> {
        let by = self.decide(path, is_dir);
        if by.is_selecting() { self.entry_by(by) } else { None }
    }

    /// A hash over all that the answers depend on: the manifests, where they stand, and what is
    /// built in. Two sides with the same digest select the same paths.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Every line of the three manifests in the order to, from, exclude, and then the manifests
    /// themselves. An [`EntryId`] is an index into it.
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    fn decide(&self, path: &RelPath, is_dir: bool) -> By {
        let mut scope = self.root();
        for folder in path.parent_bytes().split(|&b| b == b'/').filter(|name| !name.is_empty()) {
            scope = scope.enter(folder);
        }
        scope.decide(path.name(), is_dir)
    }

    /// Which of the two manifests has the say about a path, given the lines that cover it.
    fn winner(&self, to: &Covering, from: &Covering) -> By {
        let by_to = |rule: u32| By::To(rule, self.direction(self.offsets.to, rule));
        let by_from = |rule: u32| By::From(rule, self.direction(self.offsets.from, rule));
        match (to.best(&self.to), from.best(&self.from)) {
            (Some(to), Some(from)) => {
                let (pattern_to, pattern_from) = (self.to.pattern(to), self.from.pattern(from));
                if pattern_to.same_words(pattern_from) {
                    By::Both { to, from }
                } else if pattern_to.literal_prefix() > pattern_from.literal_prefix() {
                    by_to(to)
                } else {
                    by_from(from)
                }
            }
            (Some(to), None) => by_to(to),
            (None, Some(from)) => by_from(from),
            (None, None) => match (to.taken_back(), from.taken_back()) {
                (Some(rule), _) => By::TakenBackTo(rule),
                (None, Some(rule)) => By::TakenBackFrom(rule),
                (None, None) => By::Nothing,
            },
        }
    }

    fn direction(&self, offset: usize, rule: u32) -> Direction {
        match self.entries[offset + rule as usize].effect {
            Effect::Select(direction) => direction,
            _ => unreachable!("only lines that select can win"),
        }
    }

    /// The entry that a decision rests on.
    fn entry_by(&self, by: By) -> Option<EntryId> {
        let index = match by {
            By::To(rule, _)
            | By::Both { to: rule, .. }
            | By::TakenBackTo(rule)
            | By::PassageTo(rule) => self.offsets.to + rule as usize,
            By::From(rule, _) | By::TakenBackFrom(rule) | By::PassageFrom(rule) => {
                self.offsets.from + rule as usize
            }
            By::Excluded(rule) => self.offsets.exclude + rule as usize,
            By::Pinned(which) | By::PassageToManifest(which) => {
                self.pinned_offset + usize::from(which)
            }
            By::Reserved | By::Builtin(_) | By::Nothing => return None,
        };
        Some(EntryId(index))
    }
}

/// The patterns of one file. They were checked when it was read; folding the case can still turn
/// a range of characters round.
/// The line after which nothing is left to sync. Two folders of which nothing takes part would look
/// in sync for ever.
fn excludes_everything(file: &ManifestFile, patterns: &[Pattern]) -> Option<ManifestError> {
    let at = patterns.iter().rposition(Pattern::matches_everything)?;
    if patterns[at..].iter().any(Pattern::is_negated) {
        return None;
    }
    // With a line that is no pattern there are fewer patterns than lines, and errors enough.
    let line = file.lines().get(at).filter(|_| file.lines().len() == patterns.len())?;
    Some(ManifestError::everything_excluded(file.path(), line.number, &line.text))
}

fn compile_file(
    file: &ManifestFile,
    fold_case: bool,
    errors: &mut Vec<ManifestError>,
) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for line in file.lines() {
        match Pattern::parse(&line.text, file.role().anchoring(), fold_case) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => errors.push(ManifestError {
                file: file.path().to_string(),
                line: Some(line.number),
                reason: format!("`{}`: {error}", line.text),
                hint: error.hint(),
            }),
        }
    }
    patterns
}

fn compile_builtin(builtin: &Builtin, errors: &mut Vec<ManifestError>) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for text in builtin.patterns() {
        match Pattern::parse(text, Anchoring::AnyDepth, builtin.fold_case) {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => errors.push(ManifestError {
                file: ".ubos-sync/config.toml".to_owned(),
                line: None,
                reason: format!("excludes `{text}`: {error}"),
                hint: error.hint(),
            }),
        }
    }
    patterns
}

fn digest(manifests: &Manifests, builtin: &Builtin) -> Digest {
    let mut bytes = manifests.digest().0.to_vec();
    bytes.push(u8::from(builtin.fold_case));
    for role in [Role::To, Role::From, Role::Exclude] {
        bytes.extend_from_slice(manifests.get(role).path());
        bytes.push(0);
    }
    // No path and no pattern contains a NUL.
    for pattern in builtin.patterns() {
        bytes.extend_from_slice(pattern.as_bytes());
        bytes.push(0);
    }
    Digest::of(&bytes)
}

fn pinned_names(manifests: &Manifests, fold_case: bool) -> Vec<Vec<Box<[u8]>>> {
    [Role::To, Role::From, Role::Exclude]
        .iter()
        .map(|role| {
            let path = manifests.get(*role).path();
            path.components().map(|name| normal_name(name, fold_case).into()).collect()
        })
        .collect()
}
