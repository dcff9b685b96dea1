//! Is it the same log, grown? A decision over what was seen, without touching anything.

/// What was seen of a log that is kept up to some length already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Evidence {
    /// Whether the file is at least as long as what is kept.
    pub long_enough: bool,
    /// Whether its first bytes are those that are kept.
    pub first_same: bool,
    /// Whether the last bytes before the old end are those that are kept.
    pub last_same: bool,
    /// Whether what was looked at in between is what is kept. What that is depends: all of it when the
    /// file is another one than the last time, or none is remembered; else one segment, a different
    /// one each time, so that a change far from both ends is found in time.
    pub middle_same: bool,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the same log; whatever stands after the old end is new.
    Same,
    /// It is not: what is there begins a new generation, for this reason. The old one stays.
    Another(&'static str),
}

/// Decides.
pub(super) fn judge(evidence: Evidence) -> Verdict {
    if !evidence.long_enough {
        Verdict::Another("it became shorter")
    } else if !evidence.first_same {
        Verdict::Another("it begins differently")
    } else if !evidence.last_same {
        Verdict::Another("its former end is different")
    } else if !evidence.middle_same {
        Verdict::Another("earlier bytes are different")
    } else {
        Verdict::Same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_agrees_everywhere_grew() {
        let same =
            Evidence { long_enough: true, first_same: true, last_same: true, middle_same: true };
        assert_eq!(judge(same), Verdict::Same);
        for (evidence, why) in [
            (Evidence { long_enough: false, ..same }, "it became shorter"),
            (Evidence { first_same: false, ..same }, "it begins differently"),
            (Evidence { last_same: false, ..same }, "its former end is different"),
            (Evidence { middle_same: false, ..same }, "earlier bytes are different"),
        ] {
            assert_eq!(judge(evidence), Verdict::Another(why));
        }
    }
}
