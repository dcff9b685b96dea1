//! The patterns of one manifest, ready to be matched while a walk descends.
//!
//! Two kinds of patterns are kept apart. *Floating* ones name a single component and apply in
//! every folder (`*.pyc`); they are looked up by the first or last byte of a name. All others are
//! followed by [`Thread`]s: a thread says how much of its pattern the path so far has matched, and
//! dies where the path leaves the pattern, so that deep inside a plainly selected folder none is
//! left to try.

use super::name::NamePattern;
use super::pattern::{Pattern, Segment};

/// A place in a pattern: the segments before `at` are matched by the folders above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thread {
    pub(super) rule: u32,
    at: u32,
}

/// Patterns in their order; a rule is the index of its pattern.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    patterns: Vec<Pattern>,
    floating: Floating,
    first_floating_positive: Option<u32>,
    start: Vec<Thread>,
}

impl Rules {
    pub(super) fn new(patterns: Vec<Pattern>) -> Self {
        let mut floating = Floating::default();
        let mut start = Vec::new();
        let mut first_floating_positive = None;
        for (rule, pattern) in (0..).zip(&patterns) {
            match pattern.floating_name() {
                Some(name) => {
                    floating.add(rule, pattern.is_dir_only(), name);
                    if !pattern.is_negated() {
                        first_floating_positive.get_or_insert(rule);
                    }
                }
                None => start.push(Thread { rule, at: 0 }),
            }
        }
        Self { patterns, floating, first_floating_positive, start }
    }

    pub(super) fn pattern(&self, rule: u32) -> &Pattern {
        &self.patterns[rule as usize]
    }

    /// The threads of the root.
    pub(super) fn start(&self) -> &[Thread] {
        &self.start
    }

    /// Calls `hit` with each rule that matches the entry `name` of the folder whose threads these
    /// are. Rules come in no order, some more than once.
    pub(super) fn matching(
        &self,
        threads: &[Thread],
        name: &[u8],
        is_dir: bool,
        mut hit: impl FnMut(u32),
    ) {
        self.floating.matching(name, is_dir, &mut hit);
        for thread in threads {
            let pattern = self.pattern(thread.rule);
            if pattern.is_dir_only() && !is_dir {
                continue;
            }
            let segments = pattern.segments();
            let at = thread.at as usize;
            // `**` may stand for nothing, and never stands last.
            let at = at + usize::from(segments[at] == Segment::AnyDepth);
            if at + 1 == segments.len() && matches_at(segments, at, name) {
                hit(thread.rule);
            }
        }
    }

    /// The rule that decides about an entry as in gitignore: the last one that matches it.
    pub(super) fn last_matching(
        &self,
        threads: &[Thread],
        name: &[u8],
        is_dir: bool,
    ) -> Option<u32> {
        let mut last = None;
        self.matching(threads, name, is_dir, |rule| last = last.max(Some(rule)));
        last
    }

    /// Calls `next` with each thread of the folder `name`, given those of the folder above it.
    fn advance(&self, threads: &[Thread], name: &[u8], mut next: impl FnMut(Thread)) {
        for &thread in threads {
            let segments = self.pattern(thread.rule).segments();
            let mut at = thread.at as usize;
            if segments[at] == Segment::AnyDepth {
                next(thread);
                at += 1;
            }
            if at + 1 < segments.len() && matches_at(segments, at, name) {
                next(Thread { at: u32::try_from(at + 1).expect("lines are short"), ..thread });
            }
        }
    }

    /// The threads of the folder `name`, sorted.
    pub(super) fn advanced(&self, threads: &[Thread], name: &[u8]) -> Vec<Thread> {
        let mut found = Vec::new();
        self.advance(threads, name, |thread| found.push(thread));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// A rule without `!` that may still match something below the folder `name`.
    pub(super) fn alive_below(&self, threads: &[Thread], name: &[u8]) -> Option<u32> {
        let mut alive = self.first_floating_positive;
        self.advance(threads, name, |thread| {
            if alive.is_none() && !self.pattern(thread.rule).is_negated() {
                alive = Some(thread.rule);
            }
        });
        alive
    }
}

fn matches_at(segments: &[Segment], at: usize, name: &[u8]) -> bool {
    matches!(&segments[at], Segment::Name(pattern) if pattern.matches(name))
}

/// Single-name patterns, found by a byte of the name.
#[derive(Debug, Clone, Default)]
struct Floating {
    literals: Buckets,
    prefixes: Buckets,
    suffixes: Buckets,
    rest: Vec<(Target, NamePattern)>,
}

#[derive(Debug, Clone, Copy)]
struct Target {
    rule: u32,
    dir_only: bool,
}

impl Floating {
    fn add(&mut self, rule: u32, dir_only: bool, name: &NamePattern) {
        let target = Target { rule, dir_only };
        match name {
            NamePattern::Literal(text) => self.literals.add(text.first(), target, text),
            NamePattern::Prefix(text) => self.prefixes.add(text.first(), target, text),
            NamePattern::Suffix(text) => self.suffixes.add(text.last(), target, text),
            NamePattern::Any | NamePattern::Glob(_) => self.rest.push((target, name.clone())),
        }
    }

    fn matching(&self, name: &[u8], is_dir: bool, hit: &mut impl FnMut(u32)) {
        let mut report = |target: Target| {
            if is_dir || !target.dir_only {
                hit(target.rule);
            }
        };
        for (target, text) in self.literals.of(name.first()) {
            if name == &text[..] {
                report(*target);
            }
        }
        for (target, text) in self.prefixes.of(name.first()) {
            if name.starts_with(text) {
                report(*target);
            }
        }
        for (target, text) in self.suffixes.of(name.last()) {
            if name.ends_with(text) {
                report(*target);
            }
        }
        for (target, pattern) in &self.rest {
            if pattern.matches(name) {
                report(*target);
            }
        }
    }
}

/// Texts by one of their bytes. Empty until the first is added, then one slot for each byte.
#[derive(Debug, Clone, Default)]
struct Buckets(Vec<Vec<(Target, Box<[u8]>)>>);

impl Buckets {
    fn add(&mut self, byte: Option<&u8>, target: Target, text: &[u8]) {
        if self.0.is_empty() {
            self.0.resize(256, Vec::new());
        }
        let byte = *byte.expect("a literal part of a pattern has at least one byte");
        self.0[usize::from(byte)].push((target, text.into()));
    }

    fn of(&self, byte: Option<&u8>) -> &[(Target, Box<[u8]>)] {
        match byte.and_then(|&b| self.0.get(usize::from(b))) {
            Some(bucket) => bucket,
            None => &[],
        }
    }
}
