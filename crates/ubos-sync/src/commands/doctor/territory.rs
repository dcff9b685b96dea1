//! The folder, the private folder in it, and the configuration.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ubos_engine::error::EngineError;
use ubos_engine::fs::probe;
use ubos_engine::link::Address;
use ubos_engine::state::config::Config;
use ubos_engine::state::{PRIVATE, StateDir};

use crate::finding::Finding;
use crate::render::command::quote;

const INIT: &str = "`ubos-sync init ROOT --peer NAME=ADDRESS`; nothing is deleted by it";

/// Root and private folder; the private folder opened, if that is possible.
pub(super) fn check(root: &Path) -> (Vec<Finding>, Option<StateDir>) {
    let mut findings = Vec::new();
    let Some(meta) = folder(root, &mut findings) else { return (findings, None) };
    findings.push(nesting(root));
    let private = root.join(PRIVATE);
    let Ok(own) = private.symlink_metadata() else {
        let message = format!("`{}` is missing: this is not a territory", private.display());
        findings.push(Finding::problem("private-folder", message, INIT));
        return (findings, None);
    };
    findings.push(private_folder(&private, &meta, &own));
    match StateDir::open(root) {
        Ok(state) => (findings, Some(state)),
        Err(error) => {
            findings.push(failed("private-folder", &error));
            (findings, None)
        }
    }
}

/// A problem that is an error of the engine.
pub(super) fn failed(check: &'static str, error: &EngineError) -> Finding {
    let remedy = error.hint();
    Finding::problem(check, error.to_string(), remedy)
}

fn folder(root: &Path, findings: &mut Vec<Finding>) -> Option<Metadata> {
    let shown = root.display();
    let (message, remedy) = match root.symlink_metadata() {
        Ok(meta) if meta.is_dir() => {
            findings.push(Finding::ok("root", shown.to_string()));
            return Some(meta);
        }
        Ok(meta) if meta.is_symlink() => {
            let target = root.canonicalize().map_or_else(|_| "DIR".into(), |p| quoted(&p));
            (format!("`{shown}` is a link"), format!("name the folder itself: `--root {target}`"))
        }
        Ok(_) => (format!("`{shown}` is not a folder"), "name a folder with `--root DIR`".into()),
        Err(e) => (
            format!("`{shown}` cannot be looked at: {e}"),
            "mount or restore the folder, or name another with `--root DIR`".into(),
        ),
    };
    findings.push(Finding::problem("root", message, remedy));
    None
}

fn nesting(root: &Path) -> Finding {
    let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    match real.ancestors().skip(1).find(|above| above.join(PRIVATE).is_dir()) {
        None => Finding::ok("nesting", "lies in no other territory"),
        Some(above) => Finding::problem(
            "nesting",
            format!("lies inside the territory `{}`", above.display()),
            format!(
                "move one out of the other; if the outer one is a mistake: `rm -r {}`",
                quoted(&above.join(PRIVATE))
            ),
        ),
    }
}

fn private_folder(private: &Path, root: &Metadata, own: &Metadata) -> Finding {
    const CHECK: &str = "private-folder";
    let shown = private.display();
    let user = probe::acting_user();
    if !own.is_dir() {
        let message = format!("`{shown}` is not a folder");
        return Finding::problem(CHECK, message, format!("move it away, then {INIT}"));
    }
    if own.dev() != root.dev() {
        return Finding::problem(
            CHECK,
            format!(
                "`{shown}` is on another file system than the territory, so nothing can be put in place in one step"
            ),
            "unmount what is mounted there",
        );
    }
    if own.uid() != user {
        let message =
            format!("`{shown}` belongs to user {}, this program runs as {user}", own.uid());
        return if user == 0 {
            Finding::warning(CHECK, message, "run as its owner: what root makes belongs to root")
        } else {
            let command = format!("sudo chown -R {user} {}", quoted(private));
            Finding::problem(CHECK, message, format!("run as its owner, or `{command}`"))
        };
    }
    match own.mode() & 0o777 {
        0o700 => Finding::ok(CHECK, "yours alone (mode 0700), on the territory's file system"),
        mode => Finding::problem(
            CHECK,
            format!(
                "`{shown}` has mode {mode:04o}; it holds backups of everything and must be 0700"
            ),
            format!("`chmod 700 {}`", quoted(private)),
        ),
    }
}

/// The configuration and the peers in it.
pub(super) fn configuration(state: &StateDir, findings: &mut Vec<Finding>) -> Option<Config> {
    const CHECK: &str = "configuration";
    let config = match Config::load(state) {
        Ok(Some(config)) => config,
        Ok(None) => {
            let message = format!("`{}` is missing", state.path("config.toml").display());
            findings.push(Finding::problem(CHECK, message, INIT));
            return None;
        }
        Err(error) => {
            findings.push(failed(CHECK, &error));
            return None;
        }
    };
    findings.push(Finding::ok(CHECK, format!("understood; this territory is {}", config.name)));
    if config.peers.is_empty() {
        findings.push(Finding::problem("peers", "this territory has no peer", INIT));
    }
    for (name, peer) in &config.peers {
        findings.push(match peer.address.as_deref().map(Address::parse) {
            Some(Ok(address)) => Finding::ok("peers", format!("{name} at {address}")),
            Some(Err(why)) => Finding::problem(
                "peers",
                format!("the address of {name} cannot be read: {why}"),
                format!("correct it in `{}`", state.path("config.toml").display()),
            ),
            None => Finding::ok("peers", format!("{name}, without an address: syncs start there")),
        });
    }
    Some(config)
}

fn quoted(path: &Path) -> String {
    quote(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;

    #[test]
    fn a_territory_inside_another_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(inner.join(PRIVATE)).unwrap();
        assert_eq!(nesting(&inner).status, Status::Ok);
        std::fs::create_dir(folder.path().join(PRIVATE)).unwrap();
        assert_eq!(nesting(&inner).status, Status::Problem);
    }
}
