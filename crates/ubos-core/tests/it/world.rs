//! Two territories in memory, with a scan and a strict executor: every operation of a plan must
//! find exactly what it expects, or the test fails.
//!
//! Sketches: `f=A` a file, `f*=A` an executable one, `l>t` a link, `D/` a folder (folders above are
//! implied), `f!` unreadable, `f^` a special file, `D%` another file system. The laptop is
//! [`Side::Here`] and owns the manifests: `in/` is pull-only, `out/` push-only, `logs/*` append-only,
//! `*.tmp` and `logs` itself are not selected, all else is bidirectional.

use std::collections::{BTreeMap, BTreeSet};

use ubos_core::baseline::{Baseline, MemoryBaseline, Row};
use ubos_core::conflict::Resolution;
use ubos_core::entry::{Base, Changes, Digest, Entry, Observation, Problem, State};
use ubos_core::limits::Limits;
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::plan::{Filter, Item, OpKind, Operation, Plan, PlanInput, plan, within_run};
use ubos_core::reconcile::{Context, NameRules, reconcile};
use ubos_core::sides::{Side, Sides};

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    File(String, bool),
    Link(String),
    Dir,
}

pub(crate) type Tree = BTreeMap<RelPath, Node>;

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a path")
}

impl Node {
    pub(crate) fn entry(&self) -> Entry {
        match self {
            Node::File(text, exec) => Entry::File {
                digest: Digest::of(text.as_bytes()),
                size: text.len() as u64,
                exec: *exec,
            },
            Node::Link(text) => Entry::Symlink { target: text.as_bytes().into() },
            Node::Dir => Entry::Dir,
        }
    }
}

/// One side: what stands there, and what its scan cannot read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Territory {
    pub(crate) tree: Tree,
    pub(crate) problems: BTreeMap<RelPath, Problem>,
    /// Old contents that operations put aside: path and node.
    pub(crate) backups: Vec<(RelPath, Node)>,
}

impl Territory {
    pub(crate) fn put(&mut self, at: &RelPath, node: Node) {
        for above in at.ancestors() {
            self.tree.insert(above, Node::Dir);
        }
        self.tree.insert(at.clone(), node);
    }

    pub(crate) fn remove(&mut self, at: &RelPath) {
        self.tree.retain(|p, _| p != at && !p.is_below(at));
        self.problems.retain(|p, _| p != at && !p.is_below(at));
    }
}

pub(crate) fn sketch(text: &str) -> Territory {
    let mut territory = Territory::default();
    for word in text.split_whitespace() {
        let problem = match word.as_bytes()[word.len() - 1] {
            b'!' => Some(Problem::Unreadable),
            b'^' => Some(Problem::Special),
            b'%' => Some(Problem::Mount),
            _ => None,
        };
        if let Some(problem) = problem {
            let at = path(&word[..word.len() - 1]);
            territory.put(&at, Node::File("unseen".into(), false));
            territory.problems.insert(at, problem);
        } else if let Some((name, text)) = word.split_once('=') {
            let exec = name.ends_with('*');
            let at = path(name.trim_end_matches('*'));
            territory.put(&at, Node::File(text.to_owned(), exec));
        } else if let Some((name, text)) = word.split_once('>') {
            territory.put(&path(name), Node::Link(text.to_owned()));
        } else {
            territory.put(&path(word.trim_end_matches('/')), Node::Dir);
        }
    }
    territory
}

pub(crate) fn show(tree: &Tree) -> String {
    let mut words = Vec::new();
    for (at, node) in tree {
        match node {
            Node::File(text, true) => words.push(format!("{at}*={text}")),
            Node::File(text, false) => words.push(format!("{at}={text}")),
            Node::Link(text) => words.push(format!("{at}>{text}")),
            Node::Dir if tree.keys().any(|other| other.is_below(at)) => {}
            Node::Dir => words.push(format!("{at}/")),
        }
    }
    words.sort();
    words.join(" ")
}

pub(crate) fn direction(at: &RelPath) -> Option<Direction> {
    if is_untracked(at) || at.as_bytes() == b"logs" {
        return None;
    }
    match at.components().next() {
        Some(b"in") => Some(Direction::PullOnly),
        Some(b"out") => Some(Direction::PushOnly),
        Some(b"logs") => Some(Direction::AppendOnly),
        _ => Some(Direction::Bidirectional),
    }
}

pub(crate) fn is_untracked(at: &RelPath) -> bool {
    at.name().ends_with(b".tmp")
}

/// A pair of territories with their common baseline.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) sides: Sides<Territory>,
    pub(crate) baseline: MemoryBaseline,
    pub(crate) filter: Filter,
    pub(crate) owner: Side,
    pub(crate) limits: Sides<Limits>,
    pub(crate) resolutions: BTreeMap<RelPath, Resolution>,
    /// Contents that stand on neither side and are given to both.
    pub(crate) provided: Vec<&'static str>,
    pub(crate) confirmed: Option<BTreeSet<Digest>>,
    pub(crate) restore: bool,
    pub(crate) selection_changed: bool,
    pub(crate) recent_deletes: Sides<u64>,
    pub(crate) first_run: Option<u64>,
    pub(crate) names: Sides<NameRules>,
    pub(crate) direction: fn(&RelPath) -> Option<Direction>,
    /// Items that met untracked content on their target path, and were not carried out.
    pub(crate) failed: Vec<Item>,
}

impl World {
    /// Both sides agreed on `base`; now they hold `here` and `there`.
    pub(crate) fn new(base: &str, here: &str, there: &str) -> Self {
        Self::of(&sketch(base).tree, sketch(here), sketch(there))
    }

    pub(crate) fn of(base: &Tree, here: Territory, there: Territory) -> Self {
        let mut baseline = MemoryBaseline::default();
        for (at, node) in base {
            if let Some(direction) = direction(at) {
                baseline.rows.insert(at.clone(), Row::known(node.entry(), direction));
            }
        }
        World {
            sides: Sides::new(here, there),
            baseline,
            filter: Filter::Both,
            owner: Side::Here,
            limits: Sides::default(),
            resolutions: BTreeMap::new(),
            provided: Vec::new(),
            confirmed: None,
            restore: false,
            selection_changed: false,
            recent_deletes: Sides::default(),
            first_run: None,
            names: Sides::default(),
            direction,
            failed: Vec::new(),
        }
    }

    /// What a scan of `side` reports.
    pub(crate) fn scan(&self, side: Side) -> Changes {
        let territory = self.sides.get(side);
        let hidden = |at: &RelPath| at.ancestors().any(|p| territory.problems.contains_key(&p));
        let mut changes = Changes::new();
        for (at, node) in &territory.tree {
            if hidden(at) {
                continue;
            }
            if let Some(problem) = territory.problems.get(at) {
                changes.insert(at.clone(), Observation::of(State::Problem(*problem)));
                continue;
            }
            if (self.direction)(at).is_none() {
                continue;
            }
            let entry = node.entry();
            let row = self.baseline.row(at);
            if row.as_ref().is_some_and(|row| row.base == Base::Known(entry.clone())) {
                continue;
            }
            // A new folder that holds nothing but untracked content is not tracked itself.
            let mut below = territory.tree.keys().filter(|p| p.is_below(at)).peekable();
            if row.is_none() && entry.is_dir() && below.peek().is_some() {
                let tracked = below.any(|p| {
                    (self.direction)(p).is_some() && {
                        territory.tree[p] != Node::Dir || !self.only_untracked(side, p)
                    }
                });
                if !tracked {
                    continue;
                }
            }
            let mut observation = Observation::of(State::Present(entry));
            let size = row.and_then(|row| row.base.entry().map(Entry::size));
            if let (Node::File(text, _), Some(size)) = (node, size) {
                let first = text.as_bytes().get(..size as usize);
                observation.prefix = first.map(Digest::of);
            }
            changes.insert(at.clone(), observation);
        }
        for (at, row) in &self.baseline.rows {
            let listed = territory.tree.contains_key(at) && row.base != Base::Unknown;
            if !listed && !territory.tree.contains_key(at) && !hidden(at) {
                changes.insert(at.clone(), Observation::of(State::Absent));
            }
        }
        changes
    }

    fn only_untracked(&self, side: Side, folder: &RelPath) -> bool {
        let tree = &self.sides.get(side).tree;
        let mut below = tree.iter().filter(|(p, _)| p.is_below(folder)).peekable();
        below.peek().is_some() && below.all(|(p, node)| is_untracked(p) || *node == Node::Dir)
    }

    /// Decides, without doing anything.
    pub(crate) fn decide(&self) -> Plan {
        let changes = Sides::new(self.scan(Side::Here), self.scan(Side::There));
        let direction = self.direction;
        let context = Context {
            baseline: &self.baseline,
            changes: changes.as_ref(),
            direction: &direction,
            owner: self.owner,
            names: self.names,
            limits: self.limits.as_ref(),
            resolutions: &self.resolutions,
            restore_deleted: &|_| self.restore,
            selection_changed: self.selection_changed,
        };
        let reconciliation = reconcile(&context);
        let questions = reconciliation.questions();
        let untracked = Sides::new(Side::Here, Side::There).map(|side| {
            let tree = &self.sides.get(side).tree;
            let dirty = |dir: &&RelPath| tree.keys().any(|p| p.is_below(dir) && is_untracked(p));
            questions.get(side).iter().filter(dirty).cloned().collect::<BTreeSet<_>>()
        });
        let count = |side: Side| {
            let tree = &self.sides.get(side).tree;
            tree.keys().filter(|p| direction(p).is_some()).count() as u64
        };
        let input = PlanInput {
            baseline: &self.baseline,
            filter: self.filter,
            confirmed: self.confirmed.as_ref(),
            recent_deletes: self.recent_deletes,
            entry_of: &|at| direction(at).map(|direction| direction as u32),
            scanned: Sides::new(count(Side::Here), count(Side::There)),
            first_run: self.first_run,
        };
        let mut plan = plan(reconciliation, &untracked, &input);
        within_run(&mut plan, self.limits.as_ref().map(Limits::of_run));
        plan
    }

    /// Decides and carries out.
    pub(crate) fn run(&mut self) -> Plan {
        let plan = self.decide();
        let before = self.sides.clone();
        for item in plan.items.iter().filter(|item| item.guard.is_none()) {
            self.carry_out(item, &before);
        }
        for (at, entry) in &plan.adopt {
            self.set_row(at, entry.as_ref());
        }
        plan
    }

    fn set_row(&mut self, at: &RelPath, entry: Option<&Entry>) {
        match (entry, (self.direction)(at)) {
            (Some(entry), Some(direction)) => {
                self.baseline.rows.insert(at.clone(), Row::known(entry.clone(), direction));
            }
            _ => {
                self.baseline.rows.remove(at);
            }
        }
    }

    fn carry_out(&mut self, item: &Item, before: &Sides<Territory>) {
        let in_the_way = |op: &Operation| {
            let tree = &self.sides.get(op.to).tree;
            let places = op.pre.is_none() || matches!(op.kind, OpKind::Rename { .. });
            places
                && op.kind != OpKind::Mkdir
                && tree.get(&op.path) == Some(&Node::Dir)
                && self.only_untracked(op.to, &op.path)
        };
        // What could not leave a folder keeps it.
        let kept = |op: &Operation| {
            let mut below = self.sides.get(op.to).tree.keys().filter(|p| p.is_below(&op.path));
            match &op.kind {
                OpKind::Rmdir => below.next().is_some(),
                OpKind::Replace { contents } => below.count() > contents.len(),
                _ => false,
            }
        };
        if item.ops.iter().any(in_the_way) || !self.failed.is_empty() && item.ops.iter().any(kept) {
            self.failed.push(item.clone());
            return;
        }
        for op in &item.ops {
            let source = self.content_for(item, op, before);
            act(self.sides.get_mut(op.to), op, source);
        }
        let before_rows = self.baseline.rows.clone();
        for (at, entry) in &item.rows {
            // Under a new spelling a row is carried over as it was, whatever stands there.
            let carried = item.rows.iter().any(|(old, dropped)| {
                let alike = old.eq_ignore_ascii_case(at) || !at.is_ascii();
                let row = before_rows.get(old).map(|row| row.base.entry());
                alike && dropped.is_none() && entry.is_some() && row == Some(entry.as_ref())
            });
            if carried {
                self.set_row(at, entry.as_ref());
                continue;
            }
            if let Some(entry) = entry {
                for (side, territory) in self.sides.iter() {
                    let stands = territory.tree.get(at).map(Node::entry);
                    assert_eq!(stands.as_ref(), Some(entry), "row of {at} on {side:?}: {item:?}");
                }
            } else {
                let left = |t: &Territory| t.tree.contains_key(at);
                let renamed_over = item.rows.iter().any(|(p, e)| p == at && e.is_some());
                assert!(
                    renamed_over || !left(&self.sides.here) && !left(&self.sides.there),
                    "{at} is left: {item:?}"
                );
            }
            self.set_row(at, entry.as_ref());
        }
    }

    /// The bytes that the other side sends, as they stood when the run began.
    fn content_for(&self, item: &Item, op: &Operation, before: &Sides<Territory>) -> Option<Node> {
        if !op.needs_content() {
            return None;
        }
        let post = op.post.as_ref().expect("content belongs to something");
        let exec = post.exec().unwrap_or(false);
        let provided = self.provided.iter().map(|text| Node::File((*text).to_owned(), exec));
        if let Some(node) = provided.into_iter().find(|node| node.entry() == *post) {
            return Some(node);
        }
        let at = &item.source_of(op);
        let node = before.get(op.to.other()).tree.get(at).cloned();
        let sent = node.unwrap_or_else(|| panic!("nothing to send at {at}: {op:?}"));
        assert!(sent.entry().same_content(post), "another content at {at}: {op:?}");
        Some(match sent {
            Node::File(text, _) => Node::File(text, exec),
            other => other,
        })
    }
}

fn act(territory: &mut Territory, op: &Operation, source: Option<Node>) {
    let at = &op.path;
    let stands = |t: &Territory, p: &RelPath| t.tree.get(p).map(Node::entry);
    let found = match &op.kind {
        // A folder of untracked content alone is not seen by the scan, and serves.
        OpKind::Mkdir if stands(territory, at) == Some(Entry::Dir) => None,
        OpKind::Rename { from, .. } => {
            assert_eq!(stands(territory, at), None, "{op:?}");
            stands(territory, from)
        }
        _ => stands(territory, at),
    };
    assert_eq!(found, op.pre, "{op:?} in {}", show(&territory.tree));
    let parent = at.parent().filter(|parent| direction(parent).is_some());
    if let Some(parent) = parent {
        assert_eq!(territory.tree.get(&parent), Some(&Node::Dir), "no folder for {op:?}");
    }
    let below = |t: &Territory, dir: &RelPath| -> Vec<(RelPath, Node)> {
        t.tree
            .iter()
            .filter(|(p, _)| p.is_below(dir))
            .map(|(p, n)| (p.clone(), n.clone()))
            .collect()
    };
    let expect_contents = |t: &Territory, dir: &RelPath, contents: &[(RelPath, Entry)]| {
        let inside: Vec<_> = below(t, dir).into_iter().map(|(p, n)| (p, n.entry())).collect();
        assert_eq!(inside, contents, "{op:?}");
    };
    match &op.kind {
        OpKind::Mkdir => territory.put(at, Node::Dir),
        OpKind::Create => {
            territory.put(at, source.expect("content was sent"));
        }
        OpKind::Replace { contents } => {
            expect_contents(territory, at, contents);
            let old = below(territory, at);
            territory.backups.extend(old);
            territory.backups.push((at.clone(), territory.tree[at].clone()));
            territory.tree.retain(|p, _| !p.is_below(at));
            territory.put(at, source.unwrap_or(Node::Dir));
        }
        OpKind::Append { from } => {
            let (Some(Node::File(new, exec)), Node::File(old, _)) = (source, &territory.tree[at])
            else {
                panic!("{op:?}")
            };
            assert!(new.starts_with(old.as_str()) && old.len() as u64 == *from, "{op:?}");
            territory.put(at, Node::File(new, exec));
        }
        OpKind::SealAndCreate => {
            territory.backups.push((at.clone(), territory.tree[at].clone()));
            territory.put(at, source.expect("content was sent"));
        }
        OpKind::Delete => {
            territory.backups.push((at.clone(), territory.tree[at].clone()));
            territory.tree.remove(at);
        }
        OpKind::Rmdir => {
            expect_contents(territory, at, &[]);
            territory.tree.remove(at);
        }
        OpKind::Rename { from, contents } => {
            expect_contents(territory, from, contents);
            for (old, node) in below(territory, from) {
                territory.tree.remove(&old);
                territory.tree.insert(old.rebase(from, at).expect("it is below"), node);
            }
            let node = territory.tree.remove(from).expect("found above");
            territory.put(at, node);
        }
        OpKind::SetExec => {
            let Node::File(_, exec) = territory.tree.get_mut(at).expect("found above") else {
                panic!("{op:?}")
            };
            *exec = op.post.as_ref().and_then(Entry::exec).expect("a file");
        }
    }
    assert_eq!(stands(territory, at), op.post, "{op:?}");
}

/// The exit code that the plan stands for.
pub(crate) fn exit(plan: &Plan) -> i32 {
    if !plan.guards.is_empty() {
        4
    } else if !plan.conflicts.is_empty() || !plan.held.is_empty() {
        3
    } else if !plan.skipped.is_empty() {
        7
    } else {
        0
    }
}
