//! Half-written files of formats that tell: JSON that does not parse. Programs that do not write by
//! rename leave such a file for a moment, and for ever if they crash; the version before it is worth
//! more in a backup.

use ubos_core::path::RelPath;

use super::json::{self, Broken, Grammar};
use super::{Finding, Weight};
use crate::git::manifest::Gap;

/// What is torn in the file, if its name says that it is JSON.
pub(super) fn examine(path: &RelPath, content: &[u8]) -> Option<Finding> {
    let name = path.name().to_ascii_lowercase();
    if name.ends_with(b".json") {
        whole(path, content)
    } else if name.ends_with(b".canvas") {
        // Obsidian makes a new canvas as an empty file.
        if content.is_empty() { None } else { whole(path, content) }
    } else if name.ends_with(b".jsonl") || name.ends_with(b".ndjson") {
        lines(path, content)
    } else {
        None
    }
}

fn whole(path: &RelPath, content: &[u8]) -> Option<Finding> {
    if content.is_empty() {
        let finding = Finding::new("torn-json", path, b"", "the file is empty, which is no JSON");
        return Some(finding.weighing(Weight::Withhold(Gap::Torn)));
    }
    let Broken { offset, why } = json::read(content, Grammar::Settings, |_| ()).err()?;
    let finding = Finding::new("torn-json", path, b"", format!("half-written JSON: it {why}"));
    Some(finding.at(json::line_of(content, offset)).weighing(Weight::Withhold(Gap::Torn)))
}

/// Only the last line may be cut, since that is where a log grows. A line further up that does not
/// parse is told of and kept: it will not mend, and the rest of the log must not be lost for it.
fn lines(path: &RelPath, content: &[u8]) -> Option<Finding> {
    let finished = content.iter().rposition(|&byte| byte == b'\n')?;
    let mut number = 0u32;
    for line in content[..finished].split(|&byte| byte == b'\n') {
        number = number.saturating_add(1);
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Err(Broken { why, .. }) = json::read(line, Grammar::Strict, |_| ()) {
            let what = format!("a line that is no JSON: it {why}");
            let finding = Finding::new("broken-line", path, b"", what);
            return Some(finding.at(number).weighing(Weight::Warn));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, content: &str) -> Option<(Weight, Option<u32>)> {
        let finding = examine(&RelPath::new(path).unwrap(), content.as_bytes())?;
        Some((finding.weight, finding.line))
    }

    const TORN: Weight = Weight::Withhold(Gap::Torn);

    #[test]
    fn half_written_json_is_withheld() {
        assert_eq!(found("a.json", "{\n\"a\": 1,\n\"b"), Some((TORN, Some(3))));
        assert_eq!(found("a.JSON", "{}\n}"), Some((TORN, Some(2))), "a rest of the longer version");
        assert_eq!(found("a.json", ""), Some((TORN, None)));
        assert_eq!(found("b.canvas", "{\"nodes\": ["), Some((TORN, Some(1))));
        assert_eq!(
            found("a.json", "{\"a\": \"\0\0\0"),
            Some((TORN, Some(1))),
            "zeros after a crash"
        );
    }

    #[test]
    fn whole_files_and_other_formats_pass() {
        assert_eq!(found("a.json", "{}"), None);
        assert_eq!(found("tsconfig.json", "// why\n{\"a\": 1,}"), None);
        assert_eq!(found("b.canvas", ""), None);
        assert_eq!(found("a.json.md", "{"), None);
    }

    #[test]
    fn of_a_log_the_last_line_may_be_cut() {
        assert_eq!(found("l.jsonl", "{\"a\":1}\n{\"a\":"), None);
        assert_eq!(found("l.jsonl", "{\"a\":1}\r\n\n{\"a\":2}\n"), None);
        assert_eq!(found("l.jsonl", "{\"a\":"), None);
        assert_eq!(found("l.jsonl", "{}\n{\"a\":\n{}\n"), Some((Weight::Warn, Some(2))));
    }
}
