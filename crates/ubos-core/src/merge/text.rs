//! Merging by lines: what only one side changed is taken from it, what both changed alike is taken
//! once, and what they changed differently stands between marks.
//!
//! Changes of neighbouring lines count as changes of the same place. Where the line endings are not
//! the same everywhere in use, the texts are compared without them and the result gets those of the
//! side that changed them, throughout.

use super::lines::{same, split};
use super::{Labels, Merged};

/// Merges by lines.
pub(super) fn three_way(base: &[u8], here: &[u8], there: &[u8], labels: &Labels<'_>) -> Merged {
    with_endings(base, here, there, |base, here, there, ending| {
        write(&places(base, here, there), labels, ending, |place| place.clashes())
    })
}

/// Puts marks around everything that either side changed.
pub(super) fn all_marked(base: &[u8], here: &[u8], there: &[u8], labels: &Labels<'_>) -> Merged {
    let marked = with_endings(base, here, there, |base, here, there, ending| {
        write(&places(base, here, there), labels, ending, |_| true)
    });
    match marked {
        Merged::Clean(text) | Merged::Conflicted(text) => Merged::Conflicted(text),
    }
}

/// Puts marks around everything that differs, where no common text is known.
pub(super) fn two_way(here: &[u8], there: &[u8], labels: &Labels<'_>) -> Merged {
    let (here, there) = (split(here), split(there));
    let ending = chosen(Endings::None, Endings::of(&here), Endings::of(&there));
    let mut out = Vec::new();
    let (mut at_here, mut at_there) = (0, 0);
    let differing = |out: &mut Vec<u8>, here: &[&[u8]], there: &[&[u8]]| {
        if !here.is_empty() || !there.is_empty() {
            mark(out, &Place::Changed { base: &[], here, there }, labels, ending, false);
        }
    };
    for (index, found) in same(&here, &there).into_iter().enumerate() {
        let Some(found) = found else { continue };
        differing(&mut out, &here[at_here..index], &there[at_there..found]);
        out.extend_from_slice(here[index]);
        (at_here, at_there) = (index + 1, found + 1);
    }
    differing(&mut out, &here[at_here..], &there[at_there..]);
    Merged::Conflicted(out)
}

/// A stretch of the three texts.
enum Place<'l> {
    /// The same in all.
    Equal(&'l [&'l [u8]]),
    /// Changed on at least one side.
    Changed { base: &'l [&'l [u8]], here: &'l [&'l [u8]], there: &'l [&'l [u8]] },
}

impl Place<'_> {
    /// Whether the sides changed it differently.
    fn clashes(&self) -> bool {
        match self {
            Place::Equal(_) => false,
            Place::Changed { base, here, there } => here != there && here != base && there != base,
        }
    }
}

/// Takes the texts apart at the lines that all three have in common.
fn places<'l>(base: &'l [&'l [u8]], here: &'l [&'l [u8]], there: &'l [&'l [u8]]) -> Vec<Place<'l>> {
    let (in_here, in_there) = (same(base, here), same(base, there));
    let both = |at: usize| Some((in_here[at]?, in_there[at]?));
    let mut places = Vec::new();
    let (mut b, mut h, mut t) = (0, 0, 0);
    while b < base.len() || h < here.len() || t < there.len() {
        let next = (b..base.len()).find_map(|at| both(at).map(|(h, t)| (at, h, t)));
        let (b2, h2, t2) = next.unwrap_or((base.len(), here.len(), there.len()));
        if (b2, h2, t2) != (b, h, t) {
            let (base, here, there) = (&base[b..b2], &here[h..h2], &there[t..t2]);
            places.push(Place::Changed { base, here, there });
            (b, h, t) = (b2, h2, t2);
        }
        let run = (0..base.len() - b).take_while(|n| both(b + n) == Some((h + n, t + n))).count();
        if run > 0 {
            places.push(Place::Equal(&base[b..b + run]));
            (b, h, t) = (b + run, h + run, t + run);
        }
    }
    places
}

fn write(
    places: &[Place<'_>],
    labels: &Labels<'_>,
    ending: Ending,
    marked: impl Fn(&Place<'_>) -> bool,
) -> Merged {
    let mut out = Vec::new();
    let mut clean = true;
    for place in places {
        match place {
            Place::Equal(lines) => out.extend(lines.iter().copied().flatten()),
            Place::Changed { .. } if marked(place) => {
                clean = false;
                mark(&mut out, place, labels, ending, true);
            }
            Place::Changed { base, here, there } => {
                let taken = if here == base { there } else { here };
                out.extend(taken.iter().copied().flatten());
            }
        }
    }
    if clean { Merged::Clean(out) } else { Merged::Conflicted(out) }
}

/// Writes both versions of a place between marks, each mark on a line of its own.
fn mark(
    out: &mut Vec<u8>,
    place: &Place<'_>,
    labels: &Labels<'_>,
    ending: Ending,
    with_base: bool,
) {
    let Place::Changed { base, here, there } = place else { return };
    let line = |out: &mut Vec<u8>, text: &[&str]| {
        if out.last().is_some_and(|&last| last != b'\n') {
            out.extend_from_slice(ending.bytes());
        }
        text.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
        out.extend_from_slice(ending.bytes());
    };
    line(out, &["<<<<<<< ", labels.here]);
    out.extend(here.iter().copied().flatten());
    if with_base {
        line(out, &["||||||| ", labels.base]);
        out.extend(base.iter().copied().flatten());
    }
    line(out, &["======="]);
    out.extend(there.iter().copied().flatten());
    line(out, &[">>>>>>> ", labels.there]);
}

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Lf,
    CrLf,
}

impl Ending {
    fn bytes(self) -> &'static [u8] {
        match self {
            Ending::Lf => b"\n",
            Ending::CrLf => b"\r\n",
        }
    }
}

/// The endings in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endings {
    None,
    All(Ending),
    Mixed,
}

impl Endings {
    fn of(lines: &[&[u8]]) -> Endings {
        let ending = |line: &[u8]| if line.ends_with(b"\r\n") { Ending::CrLf } else { Ending::Lf };
        let mut endings =
            lines.iter().filter(|line| line.ends_with(b"\n")).map(|line| ending(line));
        match endings.next() {
            None => Endings::None,
            Some(first) if endings.all(|ending| ending == first) => Endings::All(first),
            Some(_) => Endings::Mixed,
        }
    }

    fn known(self) -> Option<Ending> {
        match self {
            Endings::All(ending) => Some(ending),
            Endings::None | Endings::Mixed => None,
        }
    }
}

/// The ending of the side that changed it.
fn chosen(base: Endings, here: Endings, there: Endings) -> Ending {
    match (here.known(), there.known()) {
        (Some(here), Some(there)) if here == there => here,
        // Of two that differ one is the base's, if that has any.
        (Some(here), Some(there)) => match base.known() {
            Some(base) if base == here => there,
            Some(_) => here,
            None => Ending::Lf,
        },
        (Some(ending), None) | (None, Some(ending)) => ending,
        (None, None) => base.known().unwrap_or(Ending::Lf),
    }
}

/// Calls `merge` with the lines of the three texts and the ending that marks get. Where each text
/// has one ending throughout and not all have the same, `merge` sees none of the difference, and
/// its result gets the ending that was chosen last.
fn with_endings(
    base: &[u8],
    here: &[u8],
    there: &[u8],
    merge: impl Fn(&[&[u8]], &[&[u8]], &[&[u8]], Ending) -> Merged,
) -> Merged {
    let lines = [base, here, there].map(split);
    let endings = [0, 1, 2].map(|index| Endings::of(&lines[index]));
    let chosen = chosen(endings[0], endings[1], endings[2]);
    let differ = endings.iter().any(|&of| of != Endings::None && of != Endings::All(chosen));
    if !differ || endings.contains(&Endings::Mixed) {
        return merge(&lines[0], &lines[1], &lines[2], chosen);
    }
    let plain = [base, here, there].map(with_line_feeds);
    let lines = [&plain[0], &plain[1], &plain[2]].map(|text| split(text));
    let merged = merge(&lines[0], &lines[1], &lines[2], Ending::Lf);
    let ended = |text: Vec<u8>| match chosen {
        Ending::Lf => text,
        Ending::CrLf => {
            let lines = text.split_inclusive(|&b| b == b'\n');
            lines
                .flat_map(|line| match line.strip_suffix(b"\n") {
                    Some(content) => [content, b"\r\n"],
                    None => [line, b""],
                })
                .flatten()
                .copied()
                .collect()
        }
    };
    match merged {
        Merged::Clean(text) => Merged::Clean(ended(text)),
        Merged::Conflicted(text) => Merged::Conflicted(ended(text)),
    }
}

fn with_line_feeds(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|&b| b == b'\n');
    lines
        .flat_map(|line| match line.strip_suffix(b"\r\n") {
            Some(content) => [content, b"\n"],
            None => [line, b""],
        })
        .flatten()
        .copied()
        .collect()
}
