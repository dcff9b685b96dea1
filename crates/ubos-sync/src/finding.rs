//! What a check of the set-up found: values, told by `render::doctor`.

/// How a checked thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// As it should be.
    Ok,
    /// Works, but a person may want to know or to mend it.
    Warning,
    /// Must be mended.
    Problem,
    /// A problem that may go away by itself: the peer does not answer.
    Unreachable,
}

impl Status {
    /// The word in the output.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Problem | Status::Unreachable => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at, as one word that stays the same.
    pub check: &'static str,
    /// How it is.
    pub status: Status,
    /// The same in a sentence.
    pub message: String,
    /// How to mend it; of what is well, nothing.
    pub remedy: Option<String>,
}

impl Finding {
    /// A thing that is as it should be.
    pub(crate) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, message: message.into(), remedy: None }
    }

    /// A thing worth a look.
    pub(crate) fn warning(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { check, status: Status::Warning, message: message.into(), remedy }
    }

    /// A thing that must be mended.
    pub(crate) fn problem(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { check, status: Status::Problem, message: message.into(), remedy }
    }
}

/// Findings that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// What they are about.
    pub title: String,
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Section {
    /// A section.
    pub(crate) fn new(title: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { title: title.into(), findings }
    }
}

/// The exit code that `sections` deserve: 0 without a problem, 5 where the only problem is a peer
/// that does not answer, otherwise 1.
pub(crate) fn exit_code(sections: &[Section]) -> u8 {
    let mut code = 0;
    for finding in sections.iter().flat_map(|section| &section.findings) {
        match finding.status {
            Status::Ok | Status::Warning => {}
            Status::Problem => return 1,
            Status::Unreachable => code = 5,
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_peer_counts_only_where_nothing_else_is_wrong() {
        let unreachable = Finding { status: Status::Unreachable, ..Finding::problem("p", "", "") };
        let section = |findings| vec![Section::new("", findings)];
        let fine = vec![Finding::ok("a", ""), Finding::warning("b", "", "")];
        assert_eq!(exit_code(&section(fine.clone())), 0);
        assert_eq!(exit_code(&section([fine, vec![unreachable.clone()]].concat())), 5);
        assert_eq!(exit_code(&section(vec![unreachable, Finding::problem("c", "", "")])), 1);
    }
}
