//! Building everything again from what one place has, and reading it back.
//!
//! Folders and files come first, links last, so that no link that a manifest names can lead a later
//! write out of the folder. Times and modes are set at the end, from the deepest folder upwards. What
//! both a tree and a repository have is read from both. What stands then is read from the disk
//! again; only that counts as recovered.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

use ubos_core::entry::{Digest, Kind};
use ubos_core::path::RelPath;
use ubos_engine::fs::{Root, read_link};

use super::super::coverage::facts::Held;
use super::super::error::{BackupError, Result};
use super::super::form::Form;
use super::super::rivals::Rivals;
use super::super::shelf::{Copied, Shelf};
use super::choose::{Choice, choose};
use super::verdict::{Broken, Got, Recovered, Source};

/// How much is moved at once.
const PIECE: usize = 256 << 10;
/// Bits of a mode that come back; those that lend rights to others do not.
const BITS: u32 = 0o777;
const NANOS: i64 = 1_000_000_000;

/// What stands in the tree of a survivor.
pub struct Tree<'t> {
    /// Its top folder.
    pub root: &'t Root,
    /// What stands where.
    pub forms: &'t BTreeMap<RelPath, Form>,
    /// What open conflicts say of it.
    pub rivals: &'t Rivals,
}

/// Builds everything again in the empty folder `folder`, from a repository, a tree, or both.
///
/// # Errors
/// If it cannot be written there; what cannot be read is in the result.
pub fn rebuild(
    shelf: Option<&mut Shelf>,
    tree: Option<&Tree<'_>>,
    folder: &Path,
) -> Result<Recovered> {
    let mut work = Work { folder, forms: BTreeMap::new(), recovered: Recovered::default() };
    let mut shelf = shelf;
    let held = match &mut shelf {
        Some(shelf) => {
            let about = shelf.about();
            work.recovered.made = Some(about.made.clone());
            work.recovered.manifest = shelf.manifest().map(ToString::to_string);
            shelf.forms()?
        }
        None => BTreeMap::new(),
    };
    if let Some(shelf) = &shelf {
        work.note_unreadable_links(shelf, &held);
    }
    let nothing = BTreeMap::new();
    let standing = tree.map_or(&nothing, |tree| tree.forms);
    let mut paths: Vec<&RelPath> = held.keys().chain(standing.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    // Links last.
    paths.sort_by_key(|path| is_link(path, &held, standing));
    for path in paths {
        work.one(path, held.get(path), standing.get(path), &mut shelf, tree)?;
    }
    work.set_times_and_modes()?;
    work.read_back()?;
    Ok(work.recovered)
}

/// Makes every folder below `folder` one that its owner may empty.
///
/// # Errors
/// What the system says.
pub fn make_removable(folder: &Path) -> io::Result<()> {
    for found in fs::read_dir(folder)? {
        let found = found?;
        if found.file_type()?.is_dir() {
            fs::set_permissions(found.path(), Permissions::from_mode(0o700))?;
            make_removable(&found.path())?;
        }
    }
    Ok(())
}

fn is_link(
    path: &RelPath,
    held: &BTreeMap<RelPath, Held>,
    standing: &BTreeMap<RelPath, Form>,
) -> bool {
    let link = |form: &Form| form.kind == Kind::Symlink;
    held.get(path).is_some_and(|held| link(&held.form)) || standing.get(path).is_some_and(link)
}

/// A folder that is being filled.
struct Work<'f> {
    folder: &'f Path,
    /// What was put where, with the mode and time that it is to have.
    forms: BTreeMap<RelPath, (Form, Source)>,
    recovered: Recovered,
}

impl Work<'_> {
    fn one(
        &mut self,
        path: &RelPath,
        held: Option<&Held>,
        standing: Option<&Form>,
        shelf: &mut Option<&mut Shelf>,
        tree: Option<&Tree<'_>>,
    ) -> Result<()> {
        if let Some(gap) = held.and_then(|held| held.gap) {
            self.recovered.gaps.insert(path.clone(), gap);
        }
        let shelved = held.filter(|held| held.gap.is_none()).map(|held| &held.form);
        let nothing = Rivals::default();
        let rivals = tree.map_or(&nothing, |tree| tree.rivals);
        let relate = |standing: &Form, shelved: &Form| rivals.relate(path, standing, shelved);
        let Some(choice) = choose(shelved, standing, relate) else { return Ok(()) };
        if choice == Choice::TreeDamaged {
            self.broken(path, "its bytes in the tree changed, though its time did not");
        }
        let from_tree = choice == Choice::Tree;
        // From the repository first: what it has must be readable whether it is needed or not.
        if let (Some(form), Some(shelf)) = (shelved, shelf.as_mut()) {
            let placed = self.shelved(path, form, shelf, !from_tree)?;
            if placed && !from_tree {
                self.forms.insert(path.clone(), (*form, Source::Repository));
            }
        }
        if let (Some(form), Some(tree)) = (standing, tree)
            && choice != Choice::TreeDamaged
        {
            let place = !self.forms.contains_key(path) && choice != Choice::Repository;
            if self.standing(path, form, tree, place)? && place {
                self.forms.insert(path.clone(), (*form, Source::Tree));
            }
        }
        Ok(())
    }

    /// Reads what the repository has of `path` and, if asked, puts it there. Whether it is sound.
    fn shelved(
        &mut self,
        path: &RelPath,
        form: &Form,
        shelf: &mut Shelf,
        place: bool,
    ) -> Result<bool> {
        match form.kind {
            Kind::Dir => return self.folder_at(path, place),
            Kind::Symlink => {
                // Its text was read already: the form has its hash.
                let text = shelf.text(path)?;
                return self.link_at(path, &text, place);
            }
            Kind::File => {}
        }
        let Some(mut target) = self.target(path, place)? else { return Ok(false) };
        let copied = shelf.copy(path, &mut target);
        self.sound(path, form, target, copied, "in the repository")
    }

    /// As [`Work::shelved`], for the tree.
    fn standing(
        &mut self,
        path: &RelPath,
        form: &Form,
        tree: &Tree<'_>,
        place: bool,
    ) -> Result<bool> {
        match form.kind {
            Kind::Dir => return self.folder_at(path, place),
            Kind::Symlink => {
                let read = tree
                    .root
                    .open_parent(path)
                    .and_then(|parent| read_link(std::os::fd::AsFd::as_fd(&*parent), path.name()));
                return match read {
                    Ok(text) if Digest::of(&text) == form.digest => {
                        self.link_at(path, &text, place)
                    }
                    Ok(_) => Ok(self.broken(path, "it changed in the tree during the drill")),
                    Err(e) => Ok(self.broken(path, &format!("in the tree: {e}"))),
                };
            }
            Kind::File => {}
        }
        let Some(mut target) = self.target(path, place)? else { return Ok(false) };
        let copied = match tree.root.open_file(path) {
            Ok((file, _)) => copy(&mut File::from(file).take(form.size), &mut target),
            Err(e) => Err(e),
        };
        let copied = copied.map_err(|e| BackupError::damaged("in the tree", e));
        self.sound(path, form, target, copied, "in the tree")
    }

    /// Judges what was read.
    fn sound(
        &mut self,
        path: &RelPath,
        form: &Form,
        target: Target,
        copied: Result<Copied>,
        place: &str,
    ) -> Result<bool> {
        if let Some(error) = target.trouble {
            return Err(BackupError::io("write", self.real(path), error));
        }
        Ok(match copied {
            Ok(copied) if (copied.digest, copied.bytes) == (form.digest, form.size) => true,
            Ok(_) => self.broken(path, &format!("{place}: its bytes are not those that were kept")),
            Err(error) => self.broken(path, &error.to_string()),
        })
    }

    fn broken(&mut self, path: &RelPath, why: &str) -> bool {
        self.recovered.broken.push(Broken { path: Some(path.clone()), why: why.to_owned() });
        false
    }

    /// Links whose text could not be read are not among the forms.
    fn note_unreadable_links(&mut self, shelf: &Shelf, held: &BTreeMap<RelPath, Held>) {
        for path in shelf.entries().keys().filter(|path| !held.contains_key(*path)) {
            self.broken(path, "the manifest's entry cannot be read back");
        }
    }

    fn folder_at(&mut self, path: &RelPath, place: bool) -> Result<bool> {
        if place {
            self.folders(path)?;
        }
        Ok(true)
    }

    fn link_at(&mut self, path: &RelPath, text: &[u8], place: bool) -> Result<bool> {
        if !place {
            return Ok(true);
        }
        if let Some(parent) = path.parent() {
            self.folders(&parent)?;
        }
        match symlink(OsStr::from_bytes(text), self.real(path)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Ok(self.broken(path, "the manifest names something below this link"))
            }
            Err(e) => Err(BackupError::io("create", self.real(path), e)),
        }
    }

    /// Where the bytes of a file go; `None`, and on record, where a file stands for a folder.
    fn target(&mut self, path: &RelPath, place: bool) -> Result<Option<Target>> {
        if !place {
            return Ok(Some(Target { file: None, trouble: None }));
        }
        if let Some(parent) = path.parent() {
            self.folders(&parent)?;
        }
        let real = self.real(path);
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        match options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()).open(&real) {
            Ok(file) => Ok(Some(Target { file: Some(file), trouble: None })),
            Err(e) if e.kind() == io::ErrorKind::IsADirectory => {
                self.broken(path, "the manifest names something below this file");
                Ok(None)
            }
            Err(e) => Err(BackupError::io("create", real, e)),
        }
    }

    fn folders(&mut self, path: &RelPath) -> Result<()> {
        let real = self.real(path);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&real).map_err(|e| BackupError::io("create", &real, e))
    }

    fn real(&self, path: &RelPath) -> PathBuf {
        self.folder.join(OsStr::from_bytes(path.as_bytes()))
    }

    /// The deepest first, so that neither a time nor a right of a folder is in the way.
    fn set_times_and_modes(&mut self) -> Result<()> {
        for (path, (form, _)) in self.forms.iter().rev() {
            let real = self.real(path);
            let failed = |e: io::Error| BackupError::io("set the time of", &real, e);
            if form.kind == Kind::File {
                // Read while its owner may.
                continue;
            }
            if form.kind == Kind::Dir {
                fs::set_permissions(&real, Permissions::from_mode(form.mode & BITS | 0o700))
                    .map_err(failed)?;
            }
            set_time(&real, form.mtime).map_err(failed)?;
        }
        Ok(())
    }

    /// What stands on the disk now.
    fn read_back(&mut self) -> Result<()> {
        let mut broken = Vec::new();
        for (path, (form, source)) in &self.forms {
            let real = self.real(path);
            match look(&real, form) {
                Ok(stands) if stands.same_content(form) && stands.size == form.size => {
                    let form = stands;
                    self.recovered.holds.insert(path.clone(), Got { form, from: *source });
                }
                Ok(_) => {
                    broken.push((path.clone(), "it cannot be read back as written".to_owned()));
                }
                Err(e) => broken.push((path.clone(), e.to_string())),
            }
        }
        for (path, why) in broken {
            self.broken(&path, &why);
        }
        Ok(())
    }
}

/// Hashes what stands at `real`, then gives a file its mode and time, and looks what it has.
fn look(real: &Path, form: &Form) -> io::Result<Form> {
    let digest = match form.kind {
        Kind::Dir => Digest::of(b""),
        Kind::Symlink => Digest::of(fs::read_link(real)?.as_os_str().as_bytes()),
        Kind::File => {
            let mut sink = Target { file: None, trouble: None };
            let copied = copy(&mut File::open(real)?, &mut sink)?;
            set_time(real, form.mtime)?;
            fs::set_permissions(real, Permissions::from_mode(form.mode & BITS))?;
            copied.digest
        }
    };
    let meta = fs::symlink_metadata(real)?;
    let kind = match meta.file_type() {
        kind if kind.is_dir() => Kind::Dir,
        kind if kind.is_symlink() => Kind::Symlink,
        _ => Kind::File,
    };
    let size = if kind == Kind::File { meta.len() } else { 0 };
    // A folder keeps its owner's rights until it is thrown away; a link has no mode of its own.
    let mode = match kind {
        Kind::File => meta.mode() & BITS,
        Kind::Dir | Kind::Symlink => form.mode,
    };
    let mtime = meta.mtime().saturating_mul(NANOS).saturating_add(meta.mtime_nsec());
    Ok(Form { kind, digest, size, mode, mtime })
}

pub(crate) fn set_time(real: &Path, mtime: i64) -> io::Result<()> {
    let time = Timespec { tv_sec: mtime.div_euclid(NANOS), tv_nsec: mtime.rem_euclid(NANOS) };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, real, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

fn copy(from: &mut dyn Read, to: &mut Target) -> io::Result<Copied> {
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    let mut piece = vec![0; PIECE];
    loop {
        let length = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => length,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        hasher.update(&piece[..length]);
        bytes += length as u64;
        to.write_all(&piece[..length])?;
    }
    Ok(Copied { bytes, digest: Digest(*hasher.finalize().as_bytes()) })
}

/// A file, or nothing where something is only read. What the disk refuses is remembered: it is no
/// fault of what is read.
struct Target {
    file: Option<File>,
    trouble: Option<io::Error>,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else { return Ok(bytes.len()) };
        file.write(bytes).inspect_err(|e| {
            self.trouble = Some(
                e.raw_os_error().map_or_else(|| e.kind().into(), io::Error::from_raw_os_error),
            );
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
