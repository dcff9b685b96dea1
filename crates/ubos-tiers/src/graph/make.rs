//! Makes edges of what files say.

use std::sync::Arc;

use super::canvas::Canvas;
use super::edge::{Edge, EdgeKind, MissingId, TagId, Target};
use super::files::{FileId, Files, Resolver};
use super::names::Names;
use super::note::{Link, LinkForm, Note, Tag};
use super::source::{Content, Source};
use super::subpath::Subpaths;

/// Makes the edges of one file after the other. Which names there are it learns on the way.
pub(super) struct Maker<'g> {
    files: &'g Files,
    sources: &'g [Arc<Source>],
    missing: &'g mut Names,
    tags: &'g mut Names,
    subpaths: Subpaths<'g>,
}

impl<'g> Maker<'g> {
    /// For these files, whose numbers are the places of what they say.
    pub(super) fn new(
        files: &'g Files,
        sources: &'g [Arc<Source>],
        missing: &'g mut Names,
        tags: &'g mut Names,
    ) -> Self {
        Self { files, sources, missing, tags, subpaths: Subpaths::default() }
    }

    /// Adds the edges that are written in the file `id`: links, tags, arrows, each in their order.
    pub(super) fn take(&mut self, id: FileId, edges: &mut Vec<Edge>) {
        let source: &'g Source = &self.sources[id.0 as usize];
        let mut resolver = self.files.resolver(&source.path);
        match &source.content {
            Content::Note(note) => {
                self.links(&mut resolver, id, &note.links, edges);
                self.tags(id, &note.tags, edges);
            }
            Content::Canvas(canvas) => {
                self.links(&mut resolver, id, &canvas.links, edges);
                self.tags(id, &canvas.tags, edges);
                arrows(&mut resolver, id, canvas, edges);
            }
            _ => {}
        }
    }

    /// Whether what a link names behind `#` is in the note it leads to; `None` if that is no note.
    pub(super) fn subpath_found(&mut self, to: FileId, subpath: &str) -> Option<bool> {
        let note = note_of(&self.sources[to.0 as usize])?;
        Some(self.subpaths.has(to, note, subpath))
    }

    /// Resolves the links of the note `id` again, whose edges these are.
    pub(super) fn settle(&mut self, id: FileId, edges: &mut [Edge]) {
        let source: &'g Source = &self.sources[id.0 as usize];
        let mut resolver = self.files.resolver(&source.path);
        let links = note_of(source).map_or(&[][..], |note| &note.links);
        for (edge, link) in edges.iter_mut().zip(links) {
            (edge.to, edge.subpath_found) = self.end(&mut resolver, link);
        }
    }

    /// What a link leads to, and whether what it names behind `#` is there.
    fn end(&mut self, resolver: &mut Resolver<'_>, link: &Link) -> (Target, Option<bool>) {
        match resolver.resolve(&link.target) {
            Some(id) => {
                let subpath = link.subpath.as_deref();
                let found = subpath.and_then(|subpath| self.subpath_found(id, subpath));
                (Target::File(id), found)
            }
            None => (Target::Missing(MissingId(self.missing.number(&link.target))), None),
        }
    }

    fn links(
        &mut self,
        resolver: &mut Resolver<'_>,
        from: FileId,
        links: &'g [Link],
        edges: &mut Vec<Edge>,
    ) {
        edges.reserve(links.len());
        for link in links {
            let (to, subpath_found) = self.end(resolver, link);
            let label = match &link.form {
                LinkForm::FrontMatter { key } => Some(key.clone()),
                _ => None,
            };
            edges.push(Edge {
                from,
                to,
                kind: kind(link),
                within: from,
                at: link.at,
                span: link.span,
                label,
                subpath: link.subpath.clone(),
                subpath_found,
            });
        }
    }

    fn tags(&mut self, from: FileId, tags: &[Tag], edges: &mut Vec<Edge>) {
        for tag in tags {
            // In a text it is written with `#`, in a property without.
            let mark = usize::from(!tag.from_properties);
            let length = u32::try_from(tag.name.len() + mark).unwrap_or(0);
            edges.push(Edge {
                from,
                to: Target::Tag(TagId(self.tags.number(&tag.name))),
                kind: EdgeKind::Tag,
                within: from,
                at: tag.at,
                span: (0, length),
                label: None,
                subpath: None,
                subpath_found: None,
            });
        }
    }
}

/// The arrows of a canvas both of whose ends are there.
fn arrows(resolver: &mut Resolver<'_>, canvas: FileId, read: &Canvas, edges: &mut Vec<Edge>) {
    for arrow in &read.arrows {
        let ends = [&arrow.from, &arrow.to].map(|path| resolver.resolve(path));
        if let [Some(from), Some(to)] = ends {
            edges.push(Edge {
                from,
                to: Target::File(to),
                kind: EdgeKind::CanvasArrow,
                within: canvas,
                at: arrow.at,
                span: (0, 0),
                label: arrow.label.clone(),
                subpath: None,
                subpath_found: None,
            });
        }
    }
}

fn kind(link: &Link) -> EdgeKind {
    match &link.form {
        LinkForm::CanvasFile | LinkForm::CanvasGroup => EdgeKind::CanvasFile,
        LinkForm::CanvasText => EdgeKind::CanvasText,
        LinkForm::FrontMatter { .. } => EdgeKind::FrontMatter,
        LinkForm::Wiki | LinkForm::Markdown if link.embed => EdgeKind::Embed,
        LinkForm::Wiki | LinkForm::Markdown => EdgeKind::Link,
    }
}

/// The note in a file, if it is one.
pub(super) fn note_of(source: &Source) -> Option<&Note> {
    match &source.content {
        Content::Note(note) => Some(note),
        _ => None,
    }
}
