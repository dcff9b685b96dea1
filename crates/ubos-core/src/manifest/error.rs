//! What can be wrong with a manifest, told so that a person can mend it.

use std::fmt;

use crate::path::RelPath;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    /// The file, relative to the root.
    pub file: String,
    /// The line, counted from 1; `None` where the file as a whole is meant.
    pub line: Option<usize>,
    /// What is wrong, as half a sentence.
    pub reason: String,
    /// What the author may have meant, or how to mend it.
    pub hint: Option<String>,
}

impl ManifestError {
    pub(crate) fn missing(file: &RelPath) -> Self {
        Self {
            file: file.to_string(),
            line: None,
            reason: "is missing".to_owned(),
            hint: Some("create it (it may be empty), or take it back from a backup".to_owned()),
        }
    }

    pub(crate) fn nothing_selected(file: &RelPath) -> Self {
        Self {
            file: file.to_string(),
            line: None,
            reason: "names nothing to sync, and neither does its counterpart".to_owned(),
            hint: Some("name at least one path, for instance docs/".to_owned()),
        }
    }

    pub(crate) fn everything_excluded(file: &RelPath, line: usize, text: &str) -> Self {
        Self {
            file: file.to_string(),
            line: Some(line),
            reason: format!("`{text}` excludes everything, so that nothing is left to sync"),
            hint: Some("take the line out, or name what is not to sync".to_owned()),
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.reason)?,
            None => write!(f, "{} {}", self.file, self.reason)?,
        }
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ManifestError {}

/// All findings of a reading, in the order of the files and lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestErrors(pub Vec<ManifestError>);

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestErrors {}
