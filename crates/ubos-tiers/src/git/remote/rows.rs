//! What `git push --porcelain` prints, a row for each branch.

/// What git says of one branch.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// `*` new, ` ` moved on, `=` as it was, `!` refused.
    pub flag: char,
    /// The branch there.
    pub there: String,
    /// Why it was refused.
    pub reason: String,
}

impl Row {
    pub(super) fn is_refused(&self) -> bool {
        self.flag == '!'
    }

    /// Something else stands there than what ours follows.
    pub(super) fn is_moved(&self) -> bool {
        const WORDS: [&str; 5] =
            ["non-fast-forward", "fetch first", "needs force", "already exists", "stale info"];
        WORDS.iter().any(|word| self.reason.contains(word))
    }

    /// It was refused only because another one was.
    pub(super) fn is_consequence(&self) -> bool {
        self.reason.contains("atomic")
    }
}

/// Reads what `git push --porcelain` prints: flag, `from:to`, summary with the reason in brackets.
pub(super) fn rows(text: &str) -> Vec<Row> {
    let row = |line: &str| {
        let mut fields = line.split('\t');
        let mut flag = fields.next()?.chars();
        let (first, rest) = (flag.next()?, flag.next());
        let (_, there) = fields.next()?.rsplit_once(':')?;
        let summary = fields.next().unwrap_or_default();
        let inner = summary.find("] (").map_or(summary, |at| &summary[at + 3..]);
        let reason = inner.trim_end_matches(')').to_owned();
        rest.is_none().then(|| Row { flag: first, there: there.to_owned(), reason })
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_prints_of_a_push_is_read() {
        let text = "To x\n*\tabc:refs/heads/new\t[new branch]\n \tabc:refs/heads/main\t1..2\n=\tabc:refs/heads/same\t[up to date]\n!\tabc:refs/heads/a\t[rejected] (fetch first)\n!\tabc:refs/heads/b\t[rejected] (atomic push failed)\n!\tabc:refs/heads/c\t[remote rejected] (pre-receive hook declined)\nDone";
        let rows = rows(text);
        let seen: Vec<_> = rows.iter().map(|row| (row.flag, row.is_moved())).collect();
        let expected =
            [('*', false), (' ', false), ('=', false), ('!', true), ('!', false), ('!', false)];
        assert_eq!(seen, expected);
        assert_eq!(rows[5].reason, "pre-receive hook declined");
        assert!(rows[4].is_consequence() && !rows[5].is_consequence());
    }
}
