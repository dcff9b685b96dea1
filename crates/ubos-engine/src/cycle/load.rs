//! Stage 1: both territories opened, locked, agreed. While ssh shakes hands, this side is already
//! scanned; if nothing speaks against it, those scans are the ones that count.

use std::collections::BTreeMap;

use ubos_core::entry::Digest;
use ubos_core::limits::Limits;
use ubos_core::plan::Filter;
use ubos_core::sides::{Side, Sides};

use super::agree::{self, Agreement};
use super::put_back::PutBackPaths;
use super::report::RunReport;
use super::session::Kept;
use super::{ConflictPolicy, Event, Listener, Request, confirm, diagnosis, law, recover};
use crate::agent::message::{OpenMatter, Purpose, ScanOrder, Standing};
use crate::endpoint::local::LocalEndpoint;
use crate::endpoint::remote::RemoteEndpoint;
use crate::endpoint::{Endpoint, Scanned};
use crate::error::{EngineError, Result};
use crate::link::{self, Greeting, Link, Target};
use crate::state::StateDir;
use crate::state::config::{Config, Peer};
use crate::state::marker::Marker;

/// Both sides, ready to be scanned.
pub(super) struct Loaded {
    /// The run's id.
    pub run: String,
    /// This side.
    pub local: LocalEndpoint,
    /// The peer.
    pub remote: RemoteEndpoint,
    /// Names of the territories.
    pub names: Sides<String>,
    /// The side whose manifests give the directions.
    pub owner: Side,
    /// How they stood before the run.
    pub standings: Sides<Standing>,
    /// How much each side takes in.
    pub limits: Sides<Limits>,
    /// How to scan.
    pub order: ScanOrder,
    /// Digests of the manifests that rule.
    pub manifests: [Digest; 3],
    /// The scans, if they are already done.
    pub early: Option<Sides<Scanned>>,
    /// What a guard holds of all that was decided, also where only single paths were asked for.
    pub guarded: Vec<OpenMatter>,
    /// This territory's configuration.
    pub config: Config,
    /// The pair.
    pub pair: String,
    /// Contents that go to both sides, by their hash.
    pub provided: BTreeMap<Digest, Vec<u8>>,
    /// What was put back before the scan, and is all that this run carries.
    pub put_back: Option<PutBackPaths>,
}

/// What is known before the peer has answered.
struct Opened {
    local: LocalEndpoint,
    config: Config,
    peer_name: String,
    peer: Peer,
    own_replica: String,
}

pub(super) fn load(
    request: &Request,
    report: &mut RunReport,
    listener: Listener<'_>,
) -> Result<Option<Loaded>> {
    let mut opened = open(request, report)?;
    if let Some(id) = &request.confirm {
        // An unknown plan touches nothing, not even a cut-off run.
        confirm::recall(
            opened.local.state(),
            &opened.peer.pair,
            id,
            &confirm::Shown::by(request, &report.names),
        )?;
    }
    let target = target(request, &opened)?;
    let purpose = Purpose::Run {
        pair: opened.peer.pair.clone(),
        replica: opened.own_replica.clone(),
        stays: request.stays,
    };
    // The handshake of ssh begins now, while this side is opened.
    let mut link = Link::start(&target)?;
    listener(Event::Scanning);
    // The lock of the lower replica id comes first, so that of two runs that start at once from
    // both ends exactly one gets both.
    let first = opened.own_replica < opened.peer.replica;
    let (standing, remote, greeting, early) = if first {
        opened.local.lock()?;
        link.hello(purpose.clone());
        let standing = opened.local.look()?;
        meet(request, &mut opened, &target, &purpose, link, standing)?
    } else {
        link.hello(purpose.clone());
        let (remote, greeting) = greet(link, &target, &purpose, &opened.peer_name)?;
        opened.local.lock()?;
        (opened.local.look()?, remote, greeting, None)
    };
    note_greeting(report, &greeting);
    let there = greeting
        .standing
        .ok_or_else(|| EngineError::unreachable("the peer did not say how it stands"))?;
    let standings = Sides::new(standing, *there);
    report.stand(&standings);
    settle(request, report, opened, remote, standings, early)
}

/// As [`load`], with two sides that stayed open after an earlier run.
pub(super) fn resume(
    kept: Kept,
    request: &Request,
    report: &mut RunReport,
) -> Result<Option<Loaded>> {
    let Kept { mut local, mut remote } = kept;
    report.wire_before = remote.wire_bytes();
    let (config, peer_name, peer, own_replica) = identify(local.state(), request, report)?;
    // In the same order as a run that connects anew.
    let (here, there) = if own_replica < peer.replica {
        (local.begin()?, remote.begin()?)
    } else {
        let there = remote.begin()?;
        (local.begin()?, there)
    };
    let standings = Sides::new(here, there);
    report.stand(&standings);
    let opened = Opened { local, config, peer_name, peer, own_replica };
    settle(request, report, opened, remote, standings, None)
}

/// Opens this side; nothing of the peer is needed for it.
fn open(request: &Request, report: &mut RunReport) -> Result<Opened> {
    let state = StateDir::open(&request.root)?;
    let (config, peer_name, peer, own_replica) = identify(&state, request, report)?;
    let mut local = LocalEndpoint::open(state, config.clone(), peer.clone(), Side::Here);
    if request.stays {
        local.stand_by();
    }
    Ok(Opened { local, config, peer_name, peer, own_replica })
}

/// Who the two are: this side's configuration, the peer's name and part of it, this replica's id.
fn identify(
    state: &StateDir,
    request: &Request,
    report: &mut RunReport,
) -> Result<(Config, String, Peer, String)> {
    let config = Config::require(state)?;
    let (peer_name, peer) = config.peer(request.peer.as_deref())?;
    let (peer_name, peer) = (peer_name.to_owned(), peer.clone());
    report.name(&config.name, &peer_name);
    // The configuration remembers it too: a marker that belongs elsewhere is noticed by that.
    let own_replica = match &config.replica {
        Some(replica) => replica.clone(),
        None => Marker::load(state)?.map(|marker| marker.replica).unwrap_or_default(),
    };
    Ok((config, peer_name, peer, own_replica))
}

fn target(request: &Request, opened: &Opened) -> Result<Target> {
    let program = (request.program.as_path(), request.build.as_str());
    let target = Target::of((&opened.peer_name, &opened.peer), program)?;
    Ok(Target { apart: request.stays, ..target })
}

fn greet(
    mut link: Link,
    target: &Target,
    purpose: &Purpose,
    peer: &str,
) -> Result<(RemoteEndpoint, Greeting)> {
    match link.greet() {
        Ok(greeting) => Ok((RemoteEndpoint::new(link, peer), greeting)),
        Err(error @ EngineError::Unreachable { .. }) if target.agent.is_none() => {
            // Perhaps the agent is where `init` puts it, and not in the PATH.
            drop(link);
            let (link, greeting) = link::connect_installed(target, purpose, error)
                .map_err(|error| at_address(error, peer))?;
            Ok((RemoteEndpoint::new(link, peer), greeting))
        }
        Err(error) => Err(at_address(error, peer)),
    }
}

/// A peer that answers from a folder which is no territory of this pair: the address is wrong, or
/// what should be there is not.
fn at_address(error: EngineError, peer: &str) -> EngineError {
    match error.kind() {
        "root-missing" => agree::wrong_address("root-missing", error.to_string(), peer),
        "foreign-root" => agree::wrong_address("foreign-root", error.to_string(), peer),
        _ => error,
    }
}

/// Says what is the matter as far as it can be told where the peer was not met.
pub(super) fn explain(request: &Request, error: &EngineError, report: &mut RunReport) {
    let refused = diagnosis::of_refusal(error, &report.names.there);
    let met = !report.diagnosis.is_empty();
    if met || refused.is_none() && !matches!(error, EngineError::Unreachable { .. }) {
        return;
    }
    // The error itself is told in any case; this only adds to it.
    let Ok(Opened { mut local, own_replica, peer, .. }) = open(request, report) else { return };
    let Ok(standing) = local.look() else { return };
    let expected = Sides::new(own_replica, peer.replica);
    let sides = Sides::new(Some(&standing), None);
    report.diagnosis = diagnosis::diagnose(sides, &report.names, &expected);
    if let Some(refused) = refused {
        report.diagnosis.retain(|finding| finding.on == Side::Here);
        report.diagnosis.push(refused);
    }
}

type Met = (Standing, RemoteEndpoint, Greeting, Option<Sides<Scanned>>);

/// Waits for the peer while this side is scanned, and has the peer scan as soon as it answers.
fn meet(
    request: &Request,
    opened: &mut Opened,
    target: &Target,
    purpose: &Purpose,
    link: Link,
    standing: Standing,
) -> Result<Met> {
    let order = early_order(request, opened, &standing);
    let Some(order) = order else {
        let (remote, greeting) = greet(link, target, purpose, &opened.peer_name)?;
        return Ok((standing, remote, greeting, None));
    };
    let peer_name = opened.peer_name.clone();
    let local = &mut opened.local;
    let (here, there) = std::thread::scope(|scope| {
        let far = scope.spawn(|| -> Result<_> {
            let (mut remote, greeting) = greet(link, target, purpose, &peer_name)?;
            let same = greeting.standing.as_ref().is_some_and(|there| is_plain(&standing, there));
            let scanned = if same { Some(remote.scan(&order)?) } else { None };
            Ok((remote, greeting, scanned))
        });
        let near = local.scan(&order);
        (near, far.join().expect("a scanning thread does not panic"))
    });
    let (remote, greeting, there) = there?;
    let early = match (here, there) {
        (Ok(here), Some(there)) => Some(Sides::new(here, there)),
        (Err(error), Some(_)) => return Err(error),
        (_, None) => None,
    };
    Ok((standing, remote, greeting, early))
}

/// How this side would scan if its own manifests rule; `None` if it cannot know.
fn early_order(request: &Request, opened: &Opened, standing: &Standing) -> Option<ScanOrder> {
    // What is put back first is not in a scan that was made before.
    if request.merge_lost
        || request.put_back.is_some()
        || standing.header.is_none()
        || standing.open_runs
        || standing.prepared.is_some()
    {
        return None;
    }
    let [Some(to), Some(from), Some(exclude)] = standing.manifests.clone() else { return None };
    Some(order(request, &opened.config, [to, from, exclude]))
}

/// Nothing has to be settled between the two before the scan.
fn is_plain(here: &Standing, there: &Standing) -> bool {
    let header = |standing: &Standing| standing.header.as_ref().map(|h| (h.generation, h.chain));
    here.manifests == there.manifests
        && header(here) == header(there)
        && !there.open_runs
        && there.prepared.is_none()
}

fn order(request: &Request, config: &Config, manifests: [Vec<u8>; 3]) -> ScanOrder {
    let builtin = config.builtin();
    ScanOrder {
        manifests,
        builtin,
        symlinks: config.symlinks,
        verify: request.verify,
        again: request.again,
        blank: None,
    }
}

/// Makes the two agree, or finds that they cannot.
fn settle(
    request: &Request,
    report: &mut RunReport,
    opened: Opened,
    remote: RemoteEndpoint,
    standings: Sides<Standing>,
    early: Option<Sides<Scanned>>,
) -> Result<Option<Loaded>> {
    let Opened { local, config, peer_name, peer, own_replica } = opened;
    let names = Sides::new(config.name.clone(), peer_name);
    let owner = if peer.owner { Side::Here } else { Side::There };
    let expected = Sides::new(own_replica, peer.replica.clone());
    let run = report.run.clone();
    let limits = limits(&standings, &names)?;
    let mut loaded = Loaded {
        run,
        local,
        remote,
        names,
        owner,
        order: order(request, &config, Default::default()),
        manifests: [Digest([0; 32]); 3],
        early,
        guarded: Vec::new(),
        config,
        pair: peer.pair.clone(),
        provided: request.provided.clone(),
        standings,
        limits,
        put_back: None,
    };
    let sides = loaded.standings.as_ref();
    report.diagnosis = diagnosis::diagnose(sides.map(Some), &loaded.names, &expected);
    let judged = agree::judge(sides, &loaded.names, &expected);
    // A pair that never synced has nothing to forget: what replaced a lost machine gets everything.
    let never_synced = matches!(judged, Ok(Agreement::Equal)) && report.generation == 0;
    let lost = judged.as_ref().is_err_and(agree::is_recoverable);
    let forgets = request.merge_lost && (lost || never_synced);
    if forgets {
        recover::forget(&mut loaded, &expected, request.dry_run)?;
        loaded.early = None;
        report.forgets = true;
    } else if request.merge_lost && judged.is_ok() && !request.dry_run {
        // Nothing is lost: there is nothing to merge.
        return Ok(None);
    } else {
        let agreement = judged?;
        let unmarked = loaded.standings.iter().any(|(_, standing)| !standing.marked);
        if agreement != Agreement::Equal {
            loaded.early = None;
        }
        if (agreement != Agreement::Equal || unmarked)
            && !recover::settle(&mut loaded, agreement, request, report)?
        {
            return Ok(None);
        }
    }
    let winner = match request.conflicts {
        ConflictPolicy::Take(side) if forgets => Some(side),
        _ => None,
    };
    let standings = loaded.standings.as_ref();
    let memory = if forgets { None } else { Some(loaded.local.table()?) };
    let rule = match law::rule(standings, &loaded.names, &peer.manifests, memory, winner) {
        Err(EngineError::Config { message, .. }) if forgets && winner.is_none() => {
            return Err(EngineError::Config { message, hint: Some(law::which(&loaded.names)) });
        }
        rule => rule?,
    };
    loaded.manifests = law::digests(&rule);
    if loaded.order.manifests != rule {
        let blank = loaded.order.blank.take();
        loaded.order = ScanOrder { blank, ..order(request, &loaded.config, rule) };
    }
    if request.filter != Filter::Both {
        report.filter(request.filter);
    }
    Ok(Some(loaded))
}

/// How much each side takes in, as it said.
fn limits(standings: &Sides<Standing>, names: &Sides<String>) -> Result<Sides<Limits>> {
    let fold_case = standings.iter().any(|(_, standing)| standing.folds_case);
    let compile = |side: Side| {
        standings.get(side).limits.compile(fold_case).map_err(|error| match error {
            EngineError::Config { message, hint } => {
                EngineError::Config { message: format!("{}: {message}", names.get(side)), hint }
            }
            error => error,
        })
    };
    Ok(Sides::new(compile(Side::Here)?, compile(Side::There)?))
}

fn note_greeting(report: &mut RunReport, greeting: &Greeting) {
    report.clock_offset = Some(super::report::rounded(greeting.clock_offset));
    report.peer_build = Some(greeting.build.clone());
    if !greeting.noise.is_empty() {
        report.noise = Some(String::from_utf8_lossy(&greeting.noise).trim().to_owned());
    }
}
