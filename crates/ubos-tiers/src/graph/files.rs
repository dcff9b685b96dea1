//! The files of a vault, and which one the words of a link mean.
//!
//! A link names a file by the end of its path: `[[b/note]]` is any file whose path ends so. Which one
//! wins is Obsidian's rule: the exact path from the root, then what lies below the folder of the note
//! that links, the shortest path, the alphabet. The names of other programs' rules (a unique name, a
//! strictly relative path) would resolve a quarter of the links of a real vault.

use std::borrow::Cow;
use std::collections::HashMap;

use super::note::{key, key_into};

/// A file of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

#[derive(Debug, Clone)]
struct File {
    path: String,
    key: String,
    /// Length of the path as Obsidian counts it.
    length: usize,
}

/// The files of a vault. Paths are relative to its root, with `/`, in UTF-8; no part begins with a
/// dot.
#[derive(Debug, Clone, Default)]
pub struct Files {
    files: Vec<Option<File>>,
    by_path: HashMap<String, Vec<FileId>>,
    by_name: HashMap<String, Vec<FileId>>,
}

impl Files {
    /// These files, numbered in this order.
    pub fn of<'p>(paths: impl ExactSizeIterator<Item = &'p str>) -> Self {
        let count = paths.len();
        let mut files = Self {
            files: Vec::with_capacity(count),
            by_path: HashMap::with_capacity(count),
            by_name: HashMap::with_capacity(count),
        };
        for path in paths {
            files.add(path);
        }
        files
    }

    /// Adds a file; the one that is there already, if any.
    pub fn add(&mut self, path: &str) -> FileId {
        let key = key(path);
        let same = self.by_path.get(&key).into_iter().flatten();
        if let Some(id) = same.copied().find(|id| self.path(*id) == path) {
            return id;
        }
        let id = FileId(u32::try_from(self.files.len()).expect("fewer than 4 billion files"));
        self.by_name.entry(name_of(&key).to_owned()).or_default().push(id);
        self.by_path.entry(key.clone()).or_default().push(id);
        let length = path.encode_utf16().count();
        self.files.push(Some(File { path: path.to_owned(), key, length }));
        id
    }

    /// Takes a file away; its number is not used again.
    pub fn remove(&mut self, id: FileId) {
        let Some(file) = self.files.get_mut(id.0 as usize).and_then(Option::take) else { return };
        for (map, key) in
            [(&mut self.by_path, file.key.as_str()), (&mut self.by_name, name_of(&file.key))]
        {
            if let Some(ids) = map.get_mut(key) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    map.remove(key);
                }
            }
        }
    }

    /// Gives each file that was not taken away the number that stands at its own, without gaps.
    pub(super) fn arrange(&mut self, numbers: &[Option<FileId>]) {
        let former = std::mem::take(&mut self.files);
        self.files.resize_with(numbers.iter().flatten().count(), || None);
        for (file, number) in former.into_iter().zip(numbers) {
            if let Some(number) = number {
                self.files[number.0 as usize] = file;
            }
        }
        let lists = self.by_path.values_mut().chain(self.by_name.values_mut());
        for id in lists.flatten() {
            *id = numbers[id.0 as usize].expect("what is listed has a number");
        }
    }

    /// The path of a file; empty if it was taken away.
    pub fn path(&self, id: FileId) -> &str {
        self.file(id).map_or("", |file| &file.path)
    }

    /// The file at exactly this path.
    pub fn at(&self, path: &str) -> Option<FileId> {
        let same = self.by_path.get(&key(path))?;
        same.iter().copied().find(|id| self.path(*id) == path)
    }

    /// The files whose name, without folders and as it is compared, is this.
    pub(super) fn named<'f>(&'f self, name: &str) -> impl Iterator<Item = FileId> + use<'f> {
        self.by_name.get(name).into_iter().flatten().copied()
    }

    /// Whether other files have the same name, in other folders or another case.
    pub fn shares_name(&self, id: FileId) -> bool {
        let same = self.file(id).and_then(|file| self.by_name.get(name_of(&file.key)));
        same.is_some_and(|ids| ids.len() > 1)
    }

    /// All files.
    pub fn all(&self) -> impl Iterator<Item = FileId> + '_ {
        let numbers = self.files.iter().enumerate().filter(|(_, file)| file.is_some());
        numbers.map(|(number, _)| FileId(number as u32))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_path.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// Files whose paths differ only in case or Unicode form, in groups.
    pub fn twins(&self) -> Vec<Vec<FileId>> {
        let mut twins: Vec<Vec<FileId>> =
            self.by_path.values().filter(|ids| ids.len() > 1).cloned().collect();
        twins.iter_mut().for_each(|ids| ids.sort());
        twins.sort();
        twins
    }

    /// The file that `target` means in a link of the file at `source`; `None` if there is none.
    pub fn resolve(&self, target: &str, source: &str) -> Option<FileId> {
        self.resolver(source).resolve(target)
    }

    /// Resolves the links of the file at `source`.
    pub(super) fn resolver<'f>(&'f self, source: &'f str) -> Resolver<'f> {
        Resolver {
            files: self,
            path: source,
            key: key(source),
            words: String::new(),
            known: HashMap::new(),
        }
    }

    /// All files that `target` could mean by its name alone, the one it means first.
    pub fn candidates(&self, target: &str, source: &str) -> Vec<FileId> {
        let (target, source) = (key(target), key(source));
        let plain = target.trim_start_matches('/');
        let with = format!("{plain}.md");
        let mut found = self.ending_with(plain, &source);
        for id in self.ending_with(&with, &source) {
            if !found.contains(&id) {
                found.push(id);
            }
        }
        if let Some(first) = self.resolve(&target, &source) {
            found.retain(|id| *id != first);
            found.insert(0, first);
        }
        found
    }

    /// The file that `target` means, of those that have its name.
    fn meant(&self, target: &str, source: &str, same_name: &[FileId]) -> Option<FileId> {
        let mut target = Cow::Borrowed(target);
        if target.starts_with("./") || target.starts_with("../") {
            target = Cow::Owned(relative(&target, source)?);
            if let Some(id) = self.exact(&target, same_name) {
                return Some(id);
            }
        }
        let plain = target.strip_prefix('/').unwrap_or(&target);
        if let Some(id) = self.exact(plain, same_name) {
            return Some(id);
        }
        if target.starts_with('/') {
            return None;
        }
        self.ranked(plain, source, same_name).min().map(|(.., id)| id)
    }

    /// The file at that path, of those that have its name. Of twins the first in the alphabet.
    fn exact(&self, key: &str, same_name: &[FileId]) -> Option<FileId> {
        let same = match same_name.len() <= FEW {
            true => same_name,
            false => self.by_path.get(key)?,
        };
        let is_there = |id: &FileId| self.file(*id).is_some_and(|file| file.key == key);
        same.iter().copied().filter(is_there).min_by_key(|id| self.path(*id))
    }

    fn file(&self, id: FileId) -> Option<&File> {
        self.files.get(id.0 as usize).and_then(Option::as_ref)
    }

    /// Files whose path ends with these characters: below the source's folder first, then by length
    /// and alphabet.
    fn ending_with(&self, end: &str, source: &str) -> Vec<FileId> {
        let same_name = self.by_name.get(name_of(end)).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<Ranked<'_>> = self.ranked(end, source, same_name).collect();
        found.sort();
        found.into_iter().map(|(.., id)| id).collect()
    }

    /// Such files, of those that have the name, with what they are ordered by.
    fn ranked<'s>(
        &'s self,
        end: &'s str,
        source: &'s str,
        same_name: &'s [FileId],
    ) -> impl Iterator<Item = Ranked<'s>> {
        let folder = source.rfind('/').map_or("", |at| &source[..=at]);
        same_name.iter().filter_map(move |id| {
            let file = self.file(*id)?;
            let far = !file.key.starts_with(folder);
            let ranked = (far, file.length, file.key.as_str(), file.path.as_str(), *id);
            file.key.ends_with(end).then_some(ranked)
        })
    }
}

/// Resolves the links of one file.
pub(super) struct Resolver<'f> {
    files: &'f Files,
    path: &'f str,
    key: String,
    /// What is resolved, as it is compared.
    words: String,
    /// What links by names of many files came to: notes repeat themselves.
    known: HashMap<String, Option<FileId>>,
}

impl Resolver<'_> {
    /// The file that `target` means; `None` if there is none.
    pub(super) fn resolve(&mut self, target: &str) -> Option<FileId> {
        if target.is_empty() {
            return self.files.at(self.path);
        }
        let mut words = std::mem::take(&mut self.words);
        key_into(target, &mut words);
        let found = self.resolve_key(&words).or_else(|| {
            words.push_str(".md");
            self.resolve_key(&words)
        });
        self.words = words;
        found
    }

    fn resolve_key(&mut self, target: &str) -> Option<FileId> {
        let same_name = self.files.by_name.get(name_of(target))?;
        if same_name.len() <= FEW {
            return self.files.meant(target, &self.key, same_name);
        }
        if let Some(known) = self.known.get(target) {
            return *known;
        }
        let meant = self.files.meant(target, &self.key, same_name);
        self.known.insert(target.to_owned(), meant);
        meant
    }
}

/// So many files of one name are gone through one by one.
const FEW: usize = 8;

/// Whether a file is outside of the source's folder, its length, key, path, number.
type Ranked<'a> = (bool, usize, &'a str, &'a str, FileId);

/// The last part of a path.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A path that begins with `./` or `../`, seen from the folder of `source`; `None` if it leaves the
/// vault.
fn relative(target: &str, source: &str) -> Option<String> {
    let folder = source.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let mut rest = target;
    loop {
        if let Some(tail) = rest.strip_prefix("./") {
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("../") {
            parts.pop()?;
            rest = tail;
        } else {
            break;
        }
    }
    parts.push(rest);
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: [&str; 21] = [
        "note.md",
        "a/note.md",
        "a/b/note.md",
        "x/note.md",
        "a/src.md",
        "xb/only.md",
        "ab/t.md",
        "a/t.md",
        "z/t.md",
        "Makefile",
        "Makefile.md",
        "img/p.png",
        "v1.md",
        "v1.2.md",
        "Foo.MD",
        "café.md",
        "sp ace.md",
        "q&a.md",
        "100%.md",
        "c.canvas",
        "data.json",
    ];

    fn vault(leave_out: &str) -> Files {
        let mut files = Files::default();
        for path in VAULT.into_iter().filter(|path| *path != leave_out) {
            files.add(path);
        }
        files
    }

    fn dest(files: &Files, source: &str, target: &str) -> String {
        let target = super::super::note::linkpath(target);
        files.resolve(&target, source).map_or("-", |id| files.path(id)).to_owned()
    }

    #[test]
    fn a_link_means_the_file_that_obsidian_opens() {
        let files = vault("");
        let (src, root) = ("a/src.md", "v1.md");
        let cases = [
            (src, "note", "note.md"),
            (src, "b/note", "a/b/note.md"),
            (src, "./note", "a/note.md"),
            ("a/b/note.md", "../note", "a/note.md"),
            ("a/b/note.md", "./../note", "a/note.md"),
            (src, "/note", "note.md"),
            (src, "/b/note", "-"),
            (src, "NOTE", "note.md"),
            (src, "Note.MD", "note.md"),
            (src, "t", "a/t.md"),
            (root, "t", "a/t.md"),
            (root, "b/only", "xb/only.md"),
            (root, "Makefile", "Makefile"),
            (root, "Makefile.md", "Makefile.md"),
            (root, "p.png", "img/p.png"),
            (root, "p", "-"),
            (root, "v1.2", "v1.2.md"),
            (root, "v1", "v1.md"),
            (root, "foo", "Foo.MD"),
            (root, "cafe\u{301}", "café.md"),
            (root, "sp ace", "sp ace.md"),
            (root, "sp\u{a0}ace", "sp ace.md"),
            (root, "  sp ace ", "sp ace.md"),
            (root, "img", "-"),
            (root, "img/", "-"),
            (root, "h", "-"),
            (root, ".hid/h", "-"),
            (src, "", "a/src.md"),
            (src, "../../note", "-"),
            ("book/ch/01/c.md", "a/t.md", "a/t.md"),
        ];
        for (source, target, expected) in cases {
            assert_eq!(dest(&files, source, target), expected, "[[{target}]] in {source}");
        }
    }

    #[test]
    fn without_one_in_the_root_the_nearest_below_wins() {
        assert_eq!(dest(&vault("note.md"), "a/src.md", "note"), "a/note.md");
    }

    #[test]
    fn a_path_of_a_book_is_found_by_its_end() {
        let mut files = vault("");
        files.add("book/docs/topics/y.md");
        assert_eq!(dest(&files, "book/ch/01/c.md", "docs/topics/y.md"), "book/docs/topics/y.md");
    }

    #[test]
    fn twins_are_told_and_a_link_to_them_is_decided() {
        let mut files = vault("");
        let (upper, lower) = (files.add("GEMINI.md"), files.add("gemini.md"));
        assert_eq!(dest(&files, "note.md", "gemini"), "GEMINI.md");
        assert_eq!(files.twins(), [[upper, lower]]);
        files.remove(upper);
        assert_eq!(dest(&files, "note.md", "Gemini"), "gemini.md");
        assert!(files.twins().is_empty());
    }

    #[test]
    fn a_shorter_twin_takes_links_over() {
        let mut files = vault("note.md");
        assert_eq!(dest(&files, "z/t.md", "note"), "a/note.md");
        let shorter = files.add("z/note.md");
        assert_eq!(dest(&files, "z/t.md", "note"), "z/note.md");
        files.remove(shorter);
        assert_eq!(dest(&files, "z/t.md", "note"), "a/note.md");
    }

    #[test]
    fn all_that_could_be_meant_begins_with_what_is() {
        let files = vault("");
        let paths: Vec<&str> =
            files.candidates("t", "z/t.md").into_iter().map(|id| files.path(id)).collect();
        assert_eq!(paths, ["z/t.md", "a/t.md", "ab/t.md"]);
    }
}
