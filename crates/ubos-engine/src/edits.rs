//! Edits of single files that a command makes here because a person asked for them: as careful as a
//! run, and as easily taken back. No peer takes part; to the next sync they are edits like any other.
//!
//! In: for each path what must stand there and what is to. Out: what was done. The old version has a
//! second name in the backups before the path is exchanged, in one call, for what was staged; what
//! changed since it was looked at is left alone.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, fchmod};
use serde_json::{Map, Value};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use crate::apply;
use crate::audit_notes::put_path;
use crate::backups::{self, Place, Store};
use crate::clock;
use crate::cycle::report::who;
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::fs::{Stamp, atomic, open_file_in, platform, stat_in};
use crate::history::mark::Mark;
use crate::history::put_back::staged;
use crate::staging::{self, Staging};
use crate::state::StateDir;
use crate::state::audit::Audit;
use crate::state::lock::Lock;

/// Mode of a new file.
const NEW_FILE: u32 = 0o644;
/// Mode of a new folder.
const NEW_FOLDER: u32 = 0o755;
/// The reason of a file that is not what was looked at.
const CHANGED: &str = "changed meanwhile";

/// One file that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Its path from the top folder.
    pub path: String,
    /// What must stand there; nothing where the file is new.
    pub before: Option<Vec<u8>>,
    /// What is to stand there.
    pub after: Vec<u8>,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edited {
    /// The id under which it is on record, and in the backups.
    pub run: String,
    /// Paths that were left alone, and why.
    pub left: Vec<(String, String)>,
}

/// Carries out edits of a territory, for the command that a person gave.
///
/// # Errors
/// If another run holds the territory, or what was done cannot be put on record or made durable.
pub fn carry_out(
    state: &StateDir,
    territory: &str,
    command: &str,
    edits: &[Edit],
) -> Result<Edited> {
    let _lock = Lock::take(state, territory)?;
    let run = clock::run_id();
    let staging = Staging::create(state, &run)?;
    let failed = |e: io::Error| EngineError::io("write", state.root().path(), e);
    let mut batch = Batch { state, run: &run, staging: &staging, left: Vec::new() };
    let mut ready = Vec::new();
    for (number, edit) in edits.iter().enumerate() {
        match batch.prepare(number, edit) {
            Ok(prepared) => ready.push(prepared),
            Err(why) => batch.leave(edit, &why),
        }
    }
    platform::sync_file(staging.fd()).map_err(failed)?;
    let mut audit = Audit::open(state)?;
    for prepared in &ready {
        audit.note(&run, prepared.record(territory, command));
    }
    audit.sync()?;
    failpoint!("edits-announced");
    for prepared in &ready {
        if let Err(why) = batch.place(prepared) {
            batch.leave(prepared.edit, &why);
            audit.note(&run, skipped(prepared, territory));
        }
    }
    audit.sync()?;
    let left = batch.left;
    staging::remove(state, &run)?;
    Ok(Edited { run, left })
}

struct Batch<'a> {
    state: &'a StateDir,
    run: &'a str,
    staging: &'a Staging,
    left: Vec<(String, String)>,
}

/// An edit that is staged and whose old version is kept.
struct Prepared<'a> {
    edit: &'a Edit,
    path: RelPath,
    staged: String,
    present: Option<(Stamp, Place, bool)>,
}

impl<'a> Batch<'a> {
    fn leave(&mut self, edit: &Edit, why: &io::Error) {
        let why = match why.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => CHANGED.to_owned(),
            _ => why.to_string(),
        };
        self.left.push((edit.path.clone(), why));
    }

    fn prepare(&self, number: usize, edit: &'a Edit) -> io::Result<Prepared<'a>> {
        let path = RelPath::new(edit.path.as_str()).map_err(|e| io::Error::other(e.to_string()))?;
        let staged = staged::name_of(number, Digest::of(&edit.after));
        let to = self.staging.open_for_writing(&staged, 0o600, true)?;
        atomic::write_all(to.as_fd(), &edit.after)?;
        let present = match &edit.before {
            None => {
                fchmod(&to, Mode::from_raw_mode(NEW_FILE as _))?;
                None
            }
            Some(before) => {
                let parent = self.state.root().open_parent(&path)?;
                let (from, stat) = open_file_in(parent.as_fd(), path.name())?;
                let mut bytes = vec![0; before.len() + 1];
                let read = atomic::read_full_at(from.as_fd(), &mut bytes, 0)?;
                if bytes[..read] != before[..] {
                    return Err(io::Error::other(CHANGED));
                }
                apply::keep_attributes(&from, &to)?;
                Some(self.keep(&path, parent.as_fd(), Stamp::of(&stat))?)
            }
        };
        platform::sync_file(&to)?;
        Ok(Prepared { edit, path, staged, present })
    }

    /// Gives the present version a second name in the backups, or a copy there.
    fn keep(
        &self,
        path: &RelPath,
        parent: std::os::fd::BorrowedFd<'_>,
        stamp: Stamp,
    ) -> io::Result<(Stamp, Place, bool)> {
        let mut place = backups::place(self.state, Store::Backups, self.run, path)?;
        let linked = match place.link(parent, path.name()) {
            Ok(()) => true,
            Err(e) if staged::refuses_links(&e) => {
                staged::copy_to(parent, path.name(), &mut place)?;
                false
            }
            Err(e) => return Err(e),
        };
        if linked && !place.stamp()?.is_some_and(|kept| kept.same_but_ctime(&stamp)) {
            rustix::fs::unlinkat(&place.dir, &place.name[..], AtFlags::empty())?;
            return Err(io::Error::other(CHANGED));
        }
        platform::sync_file(place.dir.as_fd())?;
        Ok((stamp, place, linked))
    }

    fn place(&self, prepared: &Prepared<'_>) -> io::Result<()> {
        let (path, staged) = (&prepared.path, prepared.staged.as_str());
        let Some((stamp, place, linked)) = &prepared.present else {
            let parent = Arc::new(self.state.root().make_dir_all(path.parent_bytes(), NEW_FOLDER)?);
            let from = self.staging.fd();
            platform::rename_noreplace(from, staged.as_bytes(), parent.as_fd(), path.name())?;
            return platform::sync_file(parent.as_fd());
        };
        let parent = self.state.root().open_parent(path)?;
        self.exchange(prepared, parent.as_fd(), stamp)?;
        if stat_in(self.staging.fd(), staged.as_bytes())?.is_some() {
            if *linked {
                rustix::fs::unlinkat(self.staging.fd(), staged, AtFlags::empty())?;
            } else {
                // The file itself is worth more than its copy.
                rustix::fs::renameat(self.staging.fd(), staged, &place.dir, &place.name[..])?;
            }
        }
        platform::sync_file(parent.as_fd())
    }

    fn exchange(
        &self,
        prepared: &Prepared<'_>,
        parent: std::os::fd::BorrowedFd<'_>,
        before: &Stamp,
    ) -> io::Result<()> {
        let (from, path, name) = (self.staging.fd(), &prepared.path, prepared.staged.as_str());
        let placed = stat_in(from, name.as_bytes())?.map(|stat| Stamp::of(&stat).ino);
        match platform::exchange(from, name.as_bytes(), parent, path.name()) {
            Err(e) if platform::is_unsupported(&e) => {
                // RACE: without exchange a save between this look and the rename is overwritten;
                // an editor that writes in place writes into the backup then.
                let now = stat_in(parent, path.name())?.map(|stat| Stamp::of(&stat));
                if !now.is_some_and(|now| now.same_but_ctime(before)) {
                    return Err(io::Error::other(CHANGED));
                }
                return Ok(rustix::fs::renameat(from, name, parent, path.name())?);
            }
            other => other?,
        }
        let out = stat_in(from, name.as_bytes())?.map(|stat| Stamp::of(&stat));
        if out.is_some_and(|out| out.same_but_ctime(before)) {
            return Ok(());
        }
        let mut aside = backups::place(self.state, Store::Backups, self.run, path)?;
        apply::exchange_back(from, name, parent, path.name(), placed, &mut aside)?;
        Err(io::Error::other(CHANGED))
    }
}

impl Prepared<'_> {
    /// What the log says before it is carried out.
    fn record(&self, territory: &str, command: &str) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("event".into(), "edited".into());
        put_path(&mut fields, "path", &self.path);
        let exec = self.present.as_ref().is_some_and(|(stamp, ..)| stamp.exec());
        let mark = |bytes: &[u8]| Mark::File { digest: Digest::of(bytes), exec }.to_value();
        let before = self.edit.before.as_deref();
        for (key, value) in [
            ("to", territory.into()),
            ("op", if before.is_some() { "update" } else { "create" }.into()),
            ("before", before.map_or(Value::Null, mark)),
            ("after", mark(&self.edit.after)),
            ("after_size", self.edit.after.len().into()),
            ("command", command.into()),
            ("who", who().into()),
            ("reason", command.replace(' ', "-").into()),
        ] {
            fields.insert(key.into(), value);
        }
        if let Some(before) = before {
            fields.insert("before_size".into(), before.len().into());
        }
        fields
    }
}

/// What the log says of an edit that was announced and not carried out after all.
fn skipped(prepared: &Prepared<'_>, territory: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("event".into(), "skipped".into());
    put_path(&mut fields, "path", &prepared.path);
    fields.insert("on".into(), territory.into());
    fields.insert("reason".into(), CHANGED.into());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn territory() -> (tempfile::TempDir, StateDir) {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::create(folder.path()).unwrap();
        (folder, state)
    }

    fn edit(path: &str, before: Option<&str>, after: &str) -> Edit {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Edit { path: path.to_owned(), before: before.map(bytes), after: bytes(after) }
    }

    #[test]
    fn a_file_is_replaced_and_its_old_version_kept() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, state) = territory();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("a.json"), "old").unwrap();
        fs::set_permissions(at("a.json"), fs::Permissions::from_mode(0o640)).unwrap();
        let edits = [edit("a.json", Some("old"), "new"), edit("x/y/b.json", None, "{}")];
        let done = carry_out(&state, "here", "vault init", &edits).unwrap();
        assert_eq!(done.left, []);
        assert_eq!(fs::read_to_string(at("a.json")).unwrap(), "new");
        assert_eq!(fs::metadata(at("a.json")).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(at("x/y/b.json")).unwrap(), "{}");
        let backup = at(&format!(".ubos-sync/backups/{}/a.json", done.run));
        assert_eq!(fs::read_to_string(&backup).unwrap(), "old");
        fs::write(at("a.json"), "newer").unwrap();
        assert_eq!(fs::read_to_string(&backup).unwrap(), "old");
        assert!(!at(&format!(".ubos-sync/staging/{}", done.run)).exists());
    }

    #[test]
    fn what_changed_meanwhile_is_left_alone_and_that_is_on_record() {
        let (folder, state) = territory();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("a"), "mine, and longer").unwrap();
        fs::write(at("b"), "there already").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", at("c")).unwrap();
        let edits = [
            edit("a", Some("mine"), "new"),
            edit("b", None, "new"),
            edit("c", Some("x"), "new"),
            edit("../d", None, "new"),
        ];
        let done = carry_out(&state, "here", "vault init", &edits).unwrap();
        let left: Vec<&str> = done.left.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(left, ["a", "c", "../d", "b"]);
        assert_eq!(fs::read_to_string(at("a")).unwrap(), "mine, and longer");
        assert_eq!(fs::read_to_string(at("b")).unwrap(), "there already");
        let mut events = Vec::new();
        crate::state::audit::read(&state, &mut |record| {
            events.push((record["event"].clone(), record["path"].clone()));
            true
        })
        .unwrap();
        assert_eq!(events, [("edited".into(), "b".into()), ("skipped".into(), "b".into())]);
    }

    #[test]
    fn the_log_knows_what_was_there() {
        let (folder, state) = territory();
        fs::write(folder.path().join("a"), "old").unwrap();
        let done =
            carry_out(&state, "here", "vault init", &[edit("a", Some("old"), "new")]).unwrap();
        let changes = crate::history::trail::of_run(&state, &done.run).unwrap();
        assert_eq!((changes[0].op.as_str(), changes[0].reason.as_str()), ("update", "vault-init"));
        assert!(changes[0].keeps_former());
        let (runs, _) = crate::history::runs::all(&state).unwrap();
        assert_eq!((runs[&done.run].command.as_str(), runs[&done.run].changes), ("vault init", 1));
    }
}
