//! `Law`: what the manifests of a world say, as the kit itself understands them.
//!
//! Written apart from the program on purpose, for the few kinds of pattern that tests use: a
//! folder `dir/`, one `*` in a last component, a plain path.

use crate::sketch::is_below;

/// The direction of a path, seen from the laptop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    Bidirectional,
    /// Laptop to server only.
    PushOnly,
    /// Server to laptop only.
    PullOnly,
    /// A log of the server, which only grows on the laptop.
    AppendOnly,
}

impl Direction {
    /// The heading in a manifest.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Bidirectional => "[bidirectional]",
            Self::PushOnly => "[push-only]",
            Self::PullOnly => "[pull-only]",
            Self::AppendOnly => "[append-only]",
        }
    }
}

/// How a path stands to the manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Synced in this direction.
    Selected(Direction),
    /// A folder that only leads to selected paths.
    OnTheWay,
    /// A name such as `.DS_Store`: may go to the backups with a folder that is deleted.
    Junk,
    /// Never to be touched.
    Outside,
}

/// The manifests of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Law {
    /// Patterns with their direction, the first match decides.
    pub areas: Vec<(Direction, String)>,
    /// Patterns of what is never synced.
    pub excluded: Vec<String>,
}

/// The three manifests, which are always synced themselves.
pub const MANIFESTS: [&str; 3] =
    ["config/sync_to_balaur.conf", "config/sync_from_balaur.conf", "config/sync_exclude.conf"];

impl Law {
    /// `notes/` two-way, `out/` push-only, `in/` pull-only, `logs/*.jsonl` append-only; `priv/`
    /// and `*.tmp` excluded.
    pub fn standard() -> Self {
        Self {
            areas: vec![
                (Direction::Bidirectional, "notes/".into()),
                (Direction::PushOnly, "out/".into()),
                (Direction::PullOnly, "in/".into()),
                (Direction::AppendOnly, "logs/*.jsonl".into()),
            ],
            excluded: vec!["priv/".into(), "*.tmp".into()],
        }
    }

    /// With one more area, or the same pattern in another direction.
    #[must_use]
    pub fn with(mut self, direction: Direction, pattern: &str) -> Self {
        self.areas.retain(|(_, known)| known != pattern);
        self.areas.push((direction, pattern.into()));
        self
    }

    /// Without the area `pattern`.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn without(mut self, pattern: &str) -> Self {
        let before = self.areas.len();
        self.areas.retain(|(_, known)| known != pattern);
        assert!(self.areas.len() < before, "no area {pattern}");
        self
    }

    /// With one more exclusion.
    #[must_use]
    pub fn excluding(mut self, pattern: &str) -> Self {
        self.excluded.push(pattern.into());
        self
    }

    /// The three manifests as files: what the laptop sends in the first, what it takes in the
    /// second, what is excluded in the third.
    pub fn texts(&self) -> [(&'static str, String); 3] {
        let sent = [Direction::Bidirectional, Direction::PushOnly];
        let taken = [Direction::PullOnly, Direction::AppendOnly];
        let excluded: String = self.excluded.iter().map(|pattern| format!("{pattern}\n")).collect();
        [
            (MANIFESTS[0], self.sections(&sent)),
            (MANIFESTS[1], self.sections(&taken)),
            (MANIFESTS[2], format!("# Never synced.\n{excluded}")),
        ]
    }

    fn sections(&self, directions: &[Direction]) -> String {
        let mut text = String::from("# Of the tests.\n");
        for direction in directions {
            text.push_str(&format!("{}\n", direction.heading()));
            for (_, pattern) in self.areas.iter().filter(|(of, _)| of == direction) {
                text.push_str(&format!("{pattern}\n"));
            }
        }
        text
    }

    /// The direction of a selected file or link.
    pub fn direction(&self, path: &[u8]) -> Option<Direction> {
        match self.standing(path, false) {
            Standing::Selected(direction) => Some(direction),
            _ => None,
        }
    }

    /// How `path`, a folder or not, stands to this law.
    pub fn standing(&self, path: &[u8], is_dir: bool) -> Standing {
        if MANIFESTS.iter().any(|manifest| manifest.as_bytes() == path) {
            return Standing::Selected(Direction::Bidirectional);
        }
        let names: Vec<&[u8]> = path.split(|&byte| byte == b'/').collect();
        let last = names[names.len() - 1];
        if is_junk(last) {
            return Standing::Junk;
        }
        if names.iter().any(|name| is_never_synced(name)) || self.is_excluded(path, &names) {
            return Standing::Outside;
        }
        match self.areas.iter().find(|(_, pattern)| area_holds(pattern, path)) {
            Some((direction, _)) => Standing::Selected(*direction),
            None if is_dir && self.leads_to_an_area(path) => Standing::OnTheWay,
            None => Standing::Outside,
        }
    }

    fn is_excluded(&self, path: &[u8], names: &[&[u8]]) -> bool {
        self.excluded.iter().any(|pattern| {
            let inner = pattern.trim_end_matches('/');
            if inner.contains('/') {
                path == inner.as_bytes() || is_below(path, inner.as_bytes())
            } else {
                names.iter().any(|name| name_matches(inner, name))
            }
        })
    }

    fn leads_to_an_area(&self, folder: &[u8]) -> bool {
        let patterns = self.areas.iter().map(|(_, pattern)| pattern.as_str());
        patterns.chain(MANIFESTS).any(|pattern| is_below(pattern.as_bytes(), folder))
    }
}

fn area_holds(pattern: &str, path: &[u8]) -> bool {
    if let Some(folder) = pattern.strip_suffix('/') {
        return path == folder.as_bytes() || is_below(path, folder.as_bytes());
    }
    let cut = pattern.rfind('/').map_or(0, |at| at + 1);
    let (folder, name) = pattern.split_at(cut);
    path.starts_with(folder.as_bytes())
        && !path[folder.len()..].contains(&b'/')
        && name_matches(name, &path[folder.len()..])
}

/// Whether `name` fits a pattern with at most one `*`.
fn name_matches(pattern: &str, name: &[u8]) -> bool {
    match pattern.split_once('*') {
        None => pattern.as_bytes() == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.len()
                && name.starts_with(start.as_bytes())
                && name.ends_with(end.as_bytes())
        }
    }
}

fn is_junk(name: &[u8]) -> bool {
    [".DS_Store", "._*", "Thumbs.db"].iter().any(|pattern| name_matches(pattern, name))
}

/// The built-in exclusions that tests use.
fn is_never_synced(name: &[u8]) -> bool {
    const NAMES: [&str; 17] = [
        ".git",
        ".ubos-sync",
        ".Spotlight-V100",
        ".Trashes",
        ".fseventsd",
        "*~",
        "*.swp",
        ".#*",
        "~$*",
        "*.part",
        "*.crdownload",
        "*.tmp",
        "*.sqlite-wal",
        "*.sqlite-shm",
        "*-journal",
        ".stfolder",
        ".rclone*",
    ];
    NAMES.iter().any(|pattern| name_matches(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_law_selects_what_the_scenarios_say() {
        let law = Law::standard();
        let stands = |path: &str| law.standing(path.as_bytes(), false);
        assert_eq!(stands("notes/D/a"), Standing::Selected(Direction::Bidirectional));
        assert_eq!(stands("out/y"), Standing::Selected(Direction::PushOnly));
        assert_eq!(stands("in/x"), Standing::Selected(Direction::PullOnly));
        assert_eq!(stands("logs/day.jsonl"), Standing::Selected(Direction::AppendOnly));
        assert_eq!(stands(MANIFESTS[2]), Standing::Selected(Direction::Bidirectional));
        for outside in [
            "logs/day.txt",
            "logs/deep/a.jsonl",
            "notes/D/x.tmp",
            "notes/priv/x",
            "priv/x",
            "notes/.git/config",
            "loose",
        ] {
            assert_eq!(stands(outside), Standing::Outside, "{outside}");
        }
        assert_eq!(stands("notes/.DS_Store"), Standing::Junk);
        assert_eq!(law.standing(b"logs", true), Standing::OnTheWay);
        assert_eq!(law.standing(b"elsewhere", true), Standing::Outside);
    }

    #[test]
    fn each_manifest_names_its_areas_under_their_heading() {
        let [to, from, exclude] = Law::standard().texts();
        assert_eq!(to.1, "# Of the tests.\n[bidirectional]\nnotes/\n[push-only]\nout/\n");
        assert_eq!(from.1, "# Of the tests.\n[pull-only]\nin/\n[append-only]\nlogs/*.jsonl\n");
        assert_eq!(exclude.1, "# Never synced.\npriv/\n*.tmp\n");
    }
}
