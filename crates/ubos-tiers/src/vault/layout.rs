//! One vault or two: whether the settings travel with the notes.

/// How the two territories are vaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// One vault: both machines open the same notes with the same settings.
    #[default]
    Single,
    /// Two vaults with the same notes: each machine has settings of its own, and links work in both.
    Linked,
}

impl Layout {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Layout::Single => "single",
            Layout::Linked => "linked",
        }
    }
}
