//! What is about to be pushed: every content in the commits that the remote does not have. A secret
//! that a later commit takes out goes out all the same.

use super::fault::Fault;
use super::{Lint, staged};
use crate::git::error::{BackupError, Result};
use crate::git::repository::Repository;

/// A reference that is pushed, as git tells a pre-push hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The commit or tag here; none if the reference is deleted there.
    pub local: Option<String>,
    /// What the remote has at that place; none if the reference is new.
    pub remote: Option<String>,
}

/// Reads what git writes to a pre-push hook: a line for each reference,
/// `<local ref> <local name> <remote ref> <remote name>`.
///
/// # Errors
/// [`BackupError::Usage`] if a line has another form.
pub fn parse(input: &str) -> Result<Vec<Pushed>> {
    let mut pushed = Vec::new();
    for line in input.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let [_, local, _, remote] = words[..] else { return Err(unlike()) };
        pushed.push(Pushed { local: name(local)?, remote: name(remote)? });
    }
    Ok(pushed)
}

/// Examines all contents that `pushed` would bring to the remote called `remote`.
///
/// # Errors
/// What git says.
pub fn examine(
    repository: &Repository,
    remote: &str,
    pushed: &[Pushed],
    lint: &Lint<'_>,
) -> Result<Vec<Fault>> {
    let git = repository.git();
    let mut wanted = String::new();
    for Pushed { local, remote } in pushed {
        if let Some(local) = local {
            wanted.push_str(local);
            wanted.push('\n');
        }
        // After somebody else's push this may be a commit that is not here.
        if let Some(remote) = remote
            && git.ask(["cat-file", "-e", remote])?.ok()
        {
            wanted.push('^');
            wanted.push_str(remote);
            wanted.push('\n');
        }
    }
    if pushed.iter().all(|one| one.local.is_none()) {
        return Ok(Vec::new());
    }
    let known = format!("--remotes={remote}");
    // What is read from standard input comes first, so that `--not` is for the rest alone.
    let commits = git.run_with(["rev-list", "--stdin", "--not", &known], wanted.as_bytes())?;
    let args = [
        "diff-tree",
        "--stdin",
        "-r",
        "-m",
        "--root",
        "--raw",
        "-z",
        "--no-renames",
        "--no-abbrev",
    ];
    let changes = git.run_with(args, &commits.out)?;
    staged::examine_blobs(git, &staged::parse(&changes.out)?, lint)
}

/// An object's name; all zeros are none.
fn name(word: &str) -> Result<Option<String>> {
    let is_name = word.len() >= 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_name {
        return Err(unlike());
    }
    Ok((!word.bytes().all(|b| b == b'0')).then(|| word.to_owned()))
}

fn unlike() -> BackupError {
    BackupError::Usage {
        message: "what stands on standard input is not what git tells a pre-push hook".to_owned(),
        hint: "this is called by git; `ubos-sync backup hooks install` sets it up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_tells_is_read() {
        let (a, zero) = ("a".repeat(40), "0".repeat(40));
        let lines =
            format!("refs/heads/m {a} refs/heads/m {zero}\n(delete) {zero} refs/heads/x {a}\n");
        let read = parse(&lines).unwrap();
        assert_eq!(read[0], Pushed { local: Some(a.clone()), remote: None });
        assert_eq!(read[1], Pushed { local: None, remote: Some(a) });
        assert_eq!(parse("").unwrap(), []);
        assert!(parse("a b c\n").is_err() && parse("r --output=x r x\n").is_err());
    }
}
