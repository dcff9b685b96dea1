//! What stands in the notes themselves: properties, canvases, merges that nobody finished.

use ubos_core::merge::has_markers;

use super::{Finding, Rule};
use crate::graph::model::{Content, Graph};

/// Looks into every note and canvas; `bytes` reads one.
pub(super) fn check(
    graph: &Graph,
    bytes: &dyn Fn(&str) -> Option<Vec<u8>>,
    findings: &mut Vec<Finding>,
) {
    for id in graph.files().all() {
        let Some(source) = graph.source(id) else { continue };
        let mut found = |rule, line, what: String, remedy: &str| {
            let (path, remedy) = (source.path.clone(), remedy.to_owned());
            findings.push(Finding { rule, path, line, what, remedy });
        };
        match &source.content {
            Content::Note(note) => {
                if let Some(error) = &note.property_error {
                    found(
                        Rule::BrokenProperties,
                        Some(error.line),
                        sentence(&error.message),
                        "correct the line; until then the note has no properties and no tags in them",
                    );
                }
                if let Some(line) = bytes(&source.path).and_then(|bytes| first_mark(&bytes)) {
                    found(
                        Rule::ConflictMarks,
                        Some(line),
                        "a conflict of two versions stands here between marks".to_owned(),
                        "keep what is right, and take the marks out",
                    );
                }
            }
            Content::BrokenCanvas(line, why) => found(
                Rule::BrokenCanvas,
                Some(*line),
                why.clone(),
                "bring a former version back: `ubos-sync history` lists them",
            ),
            Content::Unread(why) => {
                found(Rule::Unread, None, why.clone(), "split it, or look at its permissions");
            }
            Content::Canvas(_) | Content::Attachment => {}
        }
    }
}

/// What is wrong, without the place in the properties: the finding has the line in the note.
fn sentence(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).trim_end_matches(':').to_owned()
}

/// The line of the first mark of a merge; where code is shown a mark may be meant, so one alone is none.
fn first_mark(bytes: &[u8]) -> Option<u32> {
    if !has_markers(bytes) {
        return None;
    }
    let mut lines = bytes.split(|byte| *byte == b'\n').zip(1u32..);
    let (_, begin) = lines.find(|(line, _)| line.starts_with(b"<<<<<<< "))?;
    lines.find(|(line, _)| line.starts_with(b">>>>>>> ")).map(|_| begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_in_pairs() {
        assert_eq!(first_mark(b"a\n<<<<<<< here\nb\n=======\nc\n>>>>>>> there\n"), Some(2));
        assert_eq!(first_mark(b"a mark is `<<<<<<< `:\n<<<<<<< like this\n"), None);
        assert_eq!(first_mark(b"Title\n=====\n"), None);
    }
}
