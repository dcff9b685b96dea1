//! From the command line to an order: which territory, whose, by whom, how often.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ubos_engine::link::Address;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::{Config, Peer};

use super::{On, OrderArgs, no_machine_service};
use crate::cli::Global;
use crate::failure::Failure;
use crate::render::command::quote;
use crate::schedule::interval::Interval;
use crate::schedule::mark::Mark;
use crate::schedule::order::{Mode, Order, Scope, UnitFile, User};
use crate::schedule::place::{Place, plain};
use crate::schedule::{launchd, program, systemd, user};
use crate::territory;

/// What a person ordered, and where its files belong.
pub(super) fn order(
    args: &OrderArgs,
    on: Option<On>,
    global: &Global,
) -> Result<(Order, Place), Failure> {
    let scope = match (On::or_this(on), args.system) {
        (On::Macos, true) => return Err(no_machine_service()),
        (On::Macos, false) => Scope::Agent,
        (On::Linux, true) => Scope::System,
        (On::Linux, false) => Scope::User,
    };
    let mode = match (&args.interval, args.watch) {
        (_, true) => Mode::Watch,
        (None, _) => Mode::Timer(Interval::default()),
        (Some(text), _) => Mode::Timer(Interval::parse(text).map_err(|sentence| {
            Failure::usage(sentence, "for a sync on every change: `schedule install --watch`")
        })?),
    };
    let audit = |peer: &Peer| args.audit || (!peer.owner && !args.no_audit);
    let program = program::choose(args.program.as_deref())?;
    let choice = Choice { scope, mode, audit: &audit, program, peer: global.peer.as_deref() };
    build(&choice, global)
}

/// The order that an installed file was made from, as this version understands it.
pub(super) fn again(mark: &Mark, scope: Scope, global: &Global) -> Result<(Order, Place), Failure> {
    let choice = Choice {
        scope,
        mode: mark.mode,
        audit: &|_| mark.audit,
        program: mark.program.clone(),
        peer: Some(&mark.peer),
    };
    build(&choice, global)
}

/// The files of an order.
pub(super) fn files(order: &Order) -> Vec<UnitFile> {
    match order.scope {
        Scope::Agent => launchd::files(order),
        Scope::System | Scope::User => systemd::files(order),
    }
}

struct Choice<'a> {
    scope: Scope,
    mode: Mode,
    audit: &'a dyn Fn(&Peer) -> bool,
    program: PathBuf,
    peer: Option<&'a str>,
}

fn build(choice: &Choice<'_>, global: &Global) -> Result<(Order, Place), Failure> {
    let (state, config) = territory::open(global)?;
    let root = state.root().path();
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let (name, peer) = config.peer(choice.peer)?;
    let user = runner(choice.scope, &root)?;
    let writes = writes(&config, peer);
    for path in writes.iter().chain([&root, &choice.program]) {
        if !plain(path) {
            return Err(Failure::usage(
                format!("`{}` cannot be written into a service's file", path.display()),
                "give the folder a name in UTF-8 without line breaks or other control characters",
            ));
        }
    }
    let place = Place::of(choice.scope, &user::me().home);
    let order = Order {
        base: place.base_for(&root, name)?,
        territory: config.name.clone(),
        peer: name.to_owned(),
        name_peer: config.peers.len() > 1,
        program: choice.program.clone(),
        user,
        scope: choice.scope,
        mode: choice.mode,
        audit: (choice.audit)(peer),
        writes,
        root,
    };
    Ok((order, place))
}

/// The folders outside the root that a run writes to: that of the metrics, and, where the peer is on
/// this machine and its agent thus runs in the same service, the peer's root and the folder of its
/// metrics.
fn writes(config: &Config, peer: &Peer) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = metrics_folder(config).into_iter().collect();
    if let Some(Ok(Address::Local(path))) = peer.address.as_deref().map(Address::parse) {
        // What cannot be read now cannot be synced with either: a run says so.
        let there = StateDir::open(&path).and_then(|state| Config::load(&state));
        let metrics = there.ok().flatten().as_ref().and_then(metrics_folder);
        folders.push(path);
        folders.extend(metrics);
    }
    let mut seen = BTreeSet::new();
    folders.retain(|folder| seen.insert(folder.clone()));
    folders
}

/// The folder of the metrics, if they go elsewhere. They are made under another name beside the
/// former ones, so the folder must be writable, not the file alone.
fn metrics_folder(config: &Config) -> Option<PathBuf> {
    let folder = config.health.metrics.as_deref()?.parent()?;
    folder.is_absolute().then(|| folder.to_owned())
}

/// Who runs it: the folder's owner. A user's own manager can run it for nobody else.
fn runner(scope: Scope, root: &std::path::Path) -> Result<User, Failure> {
    let (uid, owner) = user::owner(root)?;
    if scope == Scope::System {
        return Ok(owner);
    }
    if uid != rustix::process::getuid().as_raw() {
        let shown = quote(&root.to_string_lossy());
        let hint = match scope {
            Scope::Agent => format!("call it as {}, without `sudo`", owner.name),
            _ => format!(
                "call it as {}, or let the machine do it: `sudo ubos-sync --root {shown} schedule install --system`",
                owner.name
            ),
        };
        return Err(Failure::usage(
            format!(
                "`{}` belongs to {}, and a service of yours would run as you",
                root.display(),
                owner.name
            ),
            hint,
        ));
    }
    Ok(user::me())
}
