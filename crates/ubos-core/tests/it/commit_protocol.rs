//! The protocol that keeps the baseline, as a model of two sides: what a run does step by step, and
//! what else may happen between runs. It is searched in `commit_model`.

/// What stands at the path, or what a row says of it.
pub(crate) const NOTHING: u8 = 0;
pub(crate) const A: u8 = 1;
pub(crate) const B: u8 = 2;
/// Of a row: no memory.
pub(crate) const UNKNOWN: u8 = 3;

/// What a design does without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Design {
    /// The proposal: baseline on both sides with a generation check and two-phase commit,
    /// intents journalled on both sides, recovery committed before anything new is decided.
    Full,
    /// No journal: recovery knows committed and prepared baselines only.
    NoJournal,
    /// The baseline is on both sides, but the initiator trusts its own.
    NoGenerationCheck,
    /// Whoever initiates keeps a baseline of its own.
    InitiatorOnly,
}

/// An intent, written on both sides before the target acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Intent {
    /// The generation that it starts from.
    from: u8,
    run: u8,
    target: u8,
    pre: u8,
    post: u8,
}

/// The state folder of a side. A generation is named by the run that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    pub(crate) generation: u8,
    pub(crate) row: u8,
    pub(crate) prepared: Option<(u8, u8)>,
    pub(crate) intent: Option<Intent>,
    /// The marker is still to be written.
    pub(crate) unmarked: bool,
}

/// One side. `marker` and `applied` are in the root, outside of the state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Half {
    pub(crate) live: u8,
    pub(crate) store: Option<Store>,
    pub(crate) before_last_run: Option<Store>,
    pub(crate) marker: u8,
    /// The last run whose operation was applied here; the backup shows it.
    pub(crate) applied: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) half: [Half; 2],
    /// What both sides truly had in common last. No design can see it.
    pub(crate) common: u8,
    pub(crate) runs: u8,
    /// The side whose state was lost or restored, if one was: never both in one story.
    pub(crate) disturbed: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Edit(usize, u8),
    Run { from: usize, steps: usize },
    Lose(usize),
    Restore(usize),
}

/// Why a run ended early.
pub(crate) enum Stop {
    Crash,
    /// The states do not fit together: a person must look (exit 4).
    Refused,
    Violation,
}

pub(crate) struct Run<'w> {
    world: &'w mut World,
    design: Design,
    from: usize,
    steps_left: usize,
}

impl Run<'_> {
    /// One durable step; the run may end after it.
    pub(crate) fn step(&mut self, change: impl FnOnce(&mut World)) -> Result<(), Stop> {
        if self.steps_left == 0 {
            return Err(Stop::Crash);
        }
        self.steps_left -= 1;
        change(self.world);
        Ok(())
    }

    pub(crate) fn fresh(&mut self) -> u8 {
        self.world.runs += 1;
        self.world.runs
    }

    pub(crate) fn sides(&self) -> [usize; 2] {
        [self.from, 1 - self.from]
    }

    pub(crate) fn store(&self, side: usize) -> Option<Store> {
        self.world.half[side].store
    }

    pub(crate) fn carry_out(&mut self) -> Result<(), Stop> {
        for half in &mut self.world.half {
            half.before_last_run = half.store;
        }
        let base = match self.design {
            Design::InitiatorOnly | Design::NoGenerationCheck => {
                self.store(self.from).map_or(UNKNOWN, |store| store.row)
            }
            Design::Full | Design::NoJournal => {
                self.agree_on_generation()?;
                self.recover()?
            }
        };
        let live = self.world.half.map(|half| half.live);
        match decide(base, live) {
            Decision::Conflict => Ok(()),
            Decision::Adopt => {
                if base == live[0] {
                    return Ok(());
                }
                let run = self.fresh();
                self.commit(run, live[0], true)
            }
            Decision::Copy { to } => self.copy(base, to),
        }
    }

    pub(crate) fn copy(&mut self, base: u8, to: usize) -> Result<(), Stop> {
        let run = self.fresh();
        let (pre, post) = (self.world.half[to].live, self.world.half[1 - to].live);
        if self.design == Design::Full {
            for side in self.sides() {
                let Some(store) = self.store(side) else {
                    continue;
                };
                let intent =
                    Intent { from: store.generation, run, target: to as u8, pre: base, post };
                self.step(|world| {
                    if let Some(store) = &mut world.half[side].store {
                        store.intent = Some(intent);
                    }
                })?;
            }
        }
        let unseen = pre != NOTHING && pre != self.world.common;
        self.step(|world| {
            world.half[to].live = post;
            world.half[to].applied = run;
            world.common = post;
        })?;
        if unseen {
            return Err(Stop::Violation);
        }
        self.commit(run, post, true)
    }

    /// Writes a generation: prepared on both sides, then committed on both, then the markers.
    pub(crate) fn commit(&mut self, run: u8, row: u8, learned: bool) -> Result<(), Stop> {
        let sides = self.sides();
        if matches!(self.design, Design::Full | Design::NoJournal) {
            for side in sides {
                self.step(|world| {
                    if let Some(store) = &mut world.half[side].store {
                        store.prepared = Some((run, row));
                    }
                })?;
            }
        }
        let writers = if self.design == Design::InitiatorOnly { &sides[..1] } else { &sides[..] };
        for &side in writers {
            self.step(|world| {
                world.half[side].store = Some(committed(run, row));
                if learned {
                    world.common = row;
                }
            })?;
        }
        for side in sides {
            self.mark(side)?;
        }
        Ok(())
    }

    pub(crate) fn mark(&mut self, side: usize) -> Result<(), Stop> {
        self.step(|world| {
            let half = &mut world.half[side];
            if let Some(store) = &mut half.store {
                half.marker = store.generation;
                store.unmarked = false;
            }
        })
    }

    /// Brings both sides to one generation, or refuses.
    pub(crate) fn agree_on_generation(&mut self) -> Result<(), Stop> {
        for side in self.sides() {
            let other = self.store(1 - side);
            let (Some(own), Some(other)) = (self.store(side), other) else {
                continue;
            };
            if let Some((run, row)) = own.prepared
                && run == other.generation
                && own.generation < run
            {
                self.step(|world| world.half[side].store = Some(committed(run, row)))?;
            }
        }
        for side in self.sides() {
            let marker = self.world.half[side].marker;
            let Some(other) = self.store(1 - side) else {
                continue;
            };
            // The marker proves that this tree is as new as the other baseline; the state is not.
            let older = self.store(side).is_none_or(|own| own.generation < marker);
            if older && other.generation == marker {
                let copy = Store { unmarked: false, ..committed(marker, other.row) };
                self.step(|world| world.half[side].store = Some(copy))?;
            }
        }
        let [Some(here), Some(there)] = [self.store(0), self.store(1)] else {
            return Err(Stop::Refused);
        };
        if here.generation != there.generation {
            return Err(Stop::Refused);
        }
        for side in self.sides() {
            let marker = self.world.half[side].marker;
            let Some(own) = self.store(side) else {
                return Err(Stop::Refused);
            };
            if own.unmarked && marker <= own.generation {
                self.mark(side)?;
            } else if marker != own.generation {
                return Err(Stop::Refused);
            }
        }
        Ok(())
    }

    /// What the interrupted run left: the row that can be trusted now, committed as a generation
    /// of its own.
    pub(crate) fn recover(&mut self) -> Result<u8, Stop> {
        let [Some(here), Some(there)] = [self.store(0), self.store(1)] else {
            return Err(Stop::Refused);
        };
        let generation = here.generation;
        let intents = [here, there].map(|s| s.intent.filter(|intent| intent.from == generation));
        let prepared = [here, there].map(|s| s.prepared.filter(|(run, _)| *run != generation));
        let mut row = match intents {
            [None, None] => here.row,
            [Some(a), Some(b)] if a == b => {
                let applied = self.world.half[a.target as usize].applied == a.run;
                if applied { a.post } else { a.pre }
            }
            // One side alone knows of it: what came of it cannot be proved.
            _ => UNKNOWN,
        };
        if here.row != there.row || prepared.iter().flatten().any(|(_, p)| *p != row) {
            row = UNKNOWN;
        }
        // Without a journal nothing tells that a run acted before it prepared.
        let quiet = intents == [None, None] && prepared == [None, None];
        if !quiet || row != here.row {
            let run = self.fresh();
            self.commit(run, row, false)?;
        }
        Ok(row)
    }
}

pub(crate) fn committed(generation: u8, row: u8) -> Store {
    Store { generation, row, prepared: None, intent: None, unmarked: true }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Adopt,
    Copy { to: usize },
    Conflict,
}

/// The two-way table for one file without modes.
pub(crate) fn decide(base: u8, live: [u8; 2]) -> Decision {
    match live {
        [here, there] if here == there => Decision::Adopt,
        [here, _] if here == base => Decision::Copy { to: 0 },
        [_, there] if there == base => Decision::Copy { to: 1 },
        [NOTHING, _] if base == UNKNOWN => Decision::Copy { to: 0 },
        [_, NOTHING] if base == UNKNOWN => Decision::Copy { to: 1 },
        _ => Decision::Conflict,
    }
}

pub(crate) fn happen(world: &World, design: Design, event: Event) -> Result<World, Stop> {
    let mut world = *world;
    match event {
        Event::Edit(side, content) => world.half[side].live = content,
        Event::Lose(side) | Event::Restore(side) => {
            if world.disturbed.is_some_and(|disturbed| disturbed != side) {
                return Ok(world);
            }
            world.disturbed = Some(side);
            let half = &mut world.half[side];
            let lost = matches!(event, Event::Lose(_));
            half.store = if lost { None } else { half.before_last_run };
        }
        Event::Run { from, steps } => {
            let mut run = Run { world: &mut world, design, from, steps_left: steps };
            match run.carry_out() {
                Ok(()) | Err(Stop::Crash | Stop::Refused) => {}
                Err(Stop::Violation) => return Err(Stop::Violation),
            }
        }
    }
    Ok(canonical(world))
}

/// Runs are told apart and ordered by number, no more: numbers that are not used are closed up.
pub(crate) fn canonical(mut world: World) -> World {
    fn numbers(world: &mut World, visit: &mut dyn FnMut(&mut u8)) {
        for half in &mut world.half {
            visit(&mut half.marker);
            visit(&mut half.applied);
            for store in [&mut half.store, &mut half.before_last_run].into_iter().flatten() {
                visit(&mut store.generation);
                if let Some((run, _)) = &mut store.prepared {
                    visit(run);
                }
                if let Some(intent) = &mut store.intent {
                    visit(&mut intent.from);
                    visit(&mut intent.run);
                }
            }
        }
    }
    let mut used = [false; 64];
    numbers(&mut world, &mut |number| used[*number as usize] = true);
    let mut rank = [0u8; 64];
    let mut next = 0;
    for number in 0..64 {
        rank[number] = next;
        next += u8::from(used[number]);
    }
    numbers(&mut world, &mut |number| *number = rank[*number as usize]);
    world.runs = next;
    world
}
