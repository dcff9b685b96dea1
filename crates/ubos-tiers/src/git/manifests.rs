//! The branch of manifests: a commit for each snapshot, which is written last, so that it proves that
//! everything it names is there. Only the lists of folders that changed are written.

use std::collections::BTreeMap;
use std::path::Path;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::command::Git;
use super::commit::{Author, NewCommit, advance};
use super::error::{BackupError, Result};
use super::manifest::{ABOUT, About, Entry, SCHEMA, folder_of, list_path, read_list, write_list};
use super::names::MANIFEST_BRANCH;
use super::objects::{BlobReader, BlobWriter, Oid};
use super::tree::{FILE, TreeEdit, list_tree};

/// The lists of folders: hash and blob of each.
pub type Lists = BTreeMap<Vec<u8>, (Digest, Oid)>;

/// The manifest of the commit `snapshot`, and the commit it stands in: the newest, if there are
/// several. `None`: no snapshot ended with that commit.
///
/// # Errors
/// What git says; [`BackupError::Damaged`] for a manifest that cannot be read.
pub fn at(git: &Git, snapshot: &str) -> Result<Option<(About, Oid)>> {
    let commit = git.resolve(&format!("{snapshot}^{{commit}}"))?;
    let (Some(commit), Some(_)) = (commit, git.resolve(MANIFEST_BRANCH)?) else {
        return Ok(None);
    };
    let wanted = format!("--grep={}", subject(&commit));
    let found = git.run(["log", "-1", "--format=%H", "-F", &wanted, MANIFEST_BRANCH])?.text();
    let Some(manifest) = Oid::parse(&found) else { return Ok(None) };
    let about = about(git, &manifest)?;
    // The words may stand in a message without being its subject.
    Ok((about.snapshot == commit).then_some((about, manifest)))
}

/// The newest manifest.
///
/// # Errors
/// As [`at`].
pub fn newest(git: &Git) -> Result<Option<(About, Oid)>> {
    let Some(tip) = git.resolve(MANIFEST_BRANCH)?.map(Oid) else { return Ok(None) };
    Ok(Some((about(git, &tip)?, tip)))
}

/// Everything that the manifest in the commit `manifest` lists.
///
/// # Errors
/// As [`at`].
pub fn entries(git: &Git, manifest: &Oid) -> Result<BTreeMap<RelPath, Entry>> {
    let mut reader = BlobReader::open(git)?;
    let mut all = BTreeMap::new();
    for (path, (_, blob)) in list_tree(git, manifest.as_str())? {
        let Some(dir) = folder_of(&path) else { continue };
        all.extend(read_list(&dir, &read(&mut reader, blob.as_str())?)?);
    }
    Ok(all)
}

/// What the manifest in the commit `manifest` belongs to.
///
/// # Errors
/// As [`at`].
pub fn about(git: &Git, manifest: &Oid) -> Result<About> {
    let name = format!("{manifest}:{ABOUT}");
    let bytes = read(&mut BlobReader::open(git)?, &name)?;
    let about: About =
        serde_json::from_slice(&bytes).map_err(|e| BackupError::damaged(name.as_str(), e))?;
    match about.schema {
        SCHEMA => Ok(about),
        other => Err(BackupError::damaged(name, format!("schema {other} is not known here"))),
    }
}

fn read(reader: &mut BlobReader, name: &str) -> Result<Vec<u8>> {
    reader.read(name)?.ok_or_else(|| BackupError::damaged(name, "it is missing"))
}

/// What a manifest is to be made of.
pub struct Draft<'a> {
    /// What stands where.
    pub entries: &'a BTreeMap<RelPath, Entry>,
    /// What it belongs to.
    pub about: &'a About,
    /// Who records it.
    pub committer: &'a Author,
    /// More lines of its message.
    pub message: &'a str,
    /// When, seconds since 1970.
    pub at: i64,
}

/// Writes a manifest, unless the newest says the same; its commit, and whether it is new. `index`: a
/// file to work in. `lists`: those of the last manifest as they are remembered, and afterwards those
/// of this one.
///
/// # Errors
/// What git says; [`BackupError::Busy`] if somebody else moved the branch.
pub fn write(git: &Git, draft: &Draft<'_>, index: &Path, lists: &mut Lists) -> Result<(Oid, bool)> {
    let tip = git.resolve(MANIFEST_BRANCH)?.map(Oid);
    let tree = match &tip {
        Some(tip) => list_tree(git, tip.as_str())?,
        None => BTreeMap::new(),
    };
    let fresh = folders(draft.entries);
    let stands = |dir: &[u8], digest: Digest| {
        let (known, blob) = lists.get(dir)?;
        let there = tree.get(&list_path(dir)).is_some_and(|(_, there)| there == blob);
        (*known == digest && there).then(|| blob.clone())
    };
    let mut next = Lists::new();
    let mut unwritten = Vec::new();
    for (dir, bytes) in &fresh {
        let digest = Digest::of(bytes);
        match stands(dir, digest) {
            Some(blob) => drop(next.insert(dir.clone(), (digest, blob))),
            None => unwritten.push((dir, bytes, digest)),
        }
    }
    let gone =
        tree.keys().filter(|path| folder_of(path).is_some_and(|dir| !fresh.contains_key(&dir)));
    let mut edit = Vec::new();
    if !unwritten.is_empty() {
        let mut writer = BlobWriter::open(git)?;
        for (dir, bytes, digest) in unwritten {
            let (path, blob) = (list_path(dir), writer.add(bytes)?);
            if tree.get(&path).is_none_or(|(_, there)| *there != blob) {
                edit.push((path, Some(blob.clone())));
            }
            next.insert(dir.clone(), (digest, blob));
        }
        writer.finish()?;
    }
    edit.extend(gone.map(|path| (path.clone(), None)));
    if let Some(tip) = &tip
        && edit.is_empty()
        && says_the_same(&about(git, tip)?, draft.about)
    {
        *lists = next;
        return Ok((tip.clone(), false));
    }
    let commit = commit(git, draft, index, tip.as_ref(), edit)?;
    if !advance(git, MANIFEST_BRANCH, &commit, tip.as_ref(), "ubos-sync: manifest")? {
        return Err(BackupError::Busy {
            what: format!("somebody else moved `{MANIFEST_BRANCH}`"),
            hint: "the next snapshot goes on from there".to_owned(),
        });
    }
    *lists = next;
    Ok((commit, true))
}

/// Commits the lists that changed; `None` for one that is gone.
fn commit(
    git: &Git,
    draft: &Draft<'_>,
    index: &Path,
    tip: Option<&Oid>,
    lists: Vec<(Vec<u8>, Option<Oid>)>,
) -> Result<Oid> {
    let mut about = serde_json::to_vec_pretty(draft.about).expect("it is always JSON");
    about.push(b'\n');
    let mut writer = BlobWriter::open(git)?;
    let about = writer.add(&about)?;
    writer.finish()?;
    let mut edit = TreeEdit::on(git, tip, index)?;
    edit.put(ABOUT.as_bytes(), FILE, &about);
    for (path, blob) in lists {
        match blob {
            Some(blob) => edit.put(&path, FILE, &blob),
            None => edit.remove(&path),
        }
    }
    let message = format!("{}\n\n{}", subject(&draft.about.snapshot), draft.message);
    let parents: Vec<Oid> = tip.into_iter().cloned().collect();
    let commit = NewCommit {
        tree: &edit.write()?,
        parents: &parents,
        author: draft.committer,
        committer: draft.committer,
        at: Some(draft.at),
        message: &message,
    };
    commit.write(git)
}

/// The first line of a manifest's message, by which it is found.
fn subject(snapshot: &str) -> String {
    format!("manifest of {snapshot}")
}

/// Whether two manifests with the same lists need not both be kept.
fn says_the_same(old: &About, new: &About) -> bool {
    old.snapshot == new.snapshot
        && old.logs == new.logs
        && old.branch == new.branch
        && old.gaps == new.gaps
        && old.generation == new.generation
}

/// The list of each folder that holds something.
fn folders(entries: &BTreeMap<RelPath, Entry>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut folders: BTreeMap<Vec<u8>, Vec<Entry>> = BTreeMap::new();
    for (path, entry) in entries {
        folders.entry(path.parent_bytes().to_vec()).or_default().push(entry.clone());
    }
    folders.into_iter().map(|(dir, entries)| (dir, write_list(&entries))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::manifest::{Kept, What};
    use crate::git::testing::repository;

    fn author() -> Author {
        Author { name: "a".to_owned(), email: "a@b".to_owned() }
    }

    fn about(snapshot: &Oid) -> About {
        About {
            schema: SCHEMA,
            territory: "localhost".to_owned(),
            pair: "p".to_owned(),
            snapshot: snapshot.0.clone(),
            logs: None,
            branch: None,
            run: None,
            generation: 3,
            made: "2026-01-01T00:00:00Z".to_owned(),
            files: 1,
            bytes: 1,
            gaps: BTreeMap::new(),
        }
    }

    fn file(path: &str, content: &str) -> (RelPath, Entry) {
        let path = RelPath::new(path).unwrap();
        let blake3 = Digest::of(content.as_bytes()).to_hex();
        let what = What::File { size: content.len() as u64, blake3, kept: Kept::Snapshot };
        let entry = Entry::new(path.name(), what, 0o644, 5);
        (path, entry)
    }

    struct Place {
        folder: tempfile::TempDir,
        git: Git,
        lists: Lists,
    }

    impl Place {
        fn new() -> Self {
            let (folder, git) = repository();
            Self { folder, git, lists: Lists::new() }
        }

        fn snapshot(&self, parent: Option<&Oid>) -> Oid {
            let index = self.folder.path().join("index");
            let tree = TreeEdit::on(&self.git, None, &index).unwrap().write().unwrap();
            let author = author();
            let parents: Vec<Oid> = parent.into_iter().cloned().collect();
            NewCommit {
                tree: &tree,
                parents: &parents,
                author: &author,
                committer: &author,
                at: Some(1),
                message: "x",
            }
            .write(&self.git)
            .unwrap()
        }

        fn write(&mut self, about: &About, entries: &BTreeMap<RelPath, Entry>) -> (Oid, bool) {
            let draft = Draft { entries, about, committer: &author(), message: "", at: 1 };
            let index = self.folder.path().join("index");
            write(&self.git, &draft, &index, &mut self.lists).unwrap()
        }
    }

    #[test]
    fn what_is_written_is_found_by_its_snapshot_and_read_back() {
        let mut place = Place::new();
        let one = place.snapshot(None);
        assert_eq!(at(&place.git, &one.0).unwrap(), None);
        let entries_one = BTreeMap::from([file("a.md", "1"), file("docs/sub/b.md", "2")]);
        let (first, new) = place.write(&about(&one), &entries_one);
        assert!(new);
        let two = place.snapshot(Some(&one));
        let entries_two = BTreeMap::from([file("a.md", "1"), file("c/=d/entries", "3")]);
        let (second, _) = place.write(&about(&two), &entries_two);
        let (found, commit) = at(&place.git, &one.0).unwrap().unwrap();
        assert_eq!((found.snapshot, &commit), (one.0.clone(), &first));
        assert_eq!(entries(&place.git, &first).unwrap(), entries_one);
        assert_eq!(entries(&place.git, &second).unwrap(), entries_two);
        assert_eq!(newest(&place.git).unwrap().unwrap().1, second);
        assert_eq!(at(&place.git, "refs/heads/none").unwrap(), None);
    }

    #[test]
    fn only_what_changed_is_written_and_nothing_for_nothing() {
        let mut place = Place::new();
        let one = place.snapshot(None);
        let mut entries = BTreeMap::from([file("a.md", "1"), file("docs/b.md", "2")]);
        let (first, _) = place.write(&about(&one), &entries);
        assert_eq!(place.write(&about(&one), &entries), (first.clone(), false));
        entries.extend([file("docs/b.md", "3")]);
        let (second, _) = place.write(&about(&one), &entries);
        let range = format!("{first}..{second}");
        let changed = place.git.run(["diff", "--name-only", &range]).unwrap().text();
        assert_eq!(changed, "tree/=docs/entries");
        // What was remembered is gone: all lists are made anew and turn out to be there.
        place.lists.clear();
        assert_eq!(at(&place.git, &one.0).unwrap().unwrap().1, second);
        assert_eq!(place.write(&about(&one), &entries), (second, false));
    }
}
