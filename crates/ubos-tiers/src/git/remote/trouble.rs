//! Why a place did not take or give something, in words for a person, and the next step. git ends with
//! 1 or 128 for nearly everything, so what it and the far end said decides.

use std::io;

use serde::{Deserialize, Serialize};

use ubos_engine::link;

use super::place::{Kind, Place};

/// Most characters of what the far end itself said.
const MOST_WORDS: usize = 400;

/// What went wrong with a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The word for it in records and JSON.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Trouble {
    /// Something that went wrong.
    pub fn new(kind: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into(), hint: hint.into() }
    }

    /// The exit code of the contract: 5 if the place was not reached, 1 if it was and refused.
    pub fn exit_code(&self) -> u8 {
        match self.kind.as_str() {
            "unreachable" | "host-key" | "auth" | "agent-missing" | "no-ssh" => 5,
            _ => 1,
        }
    }
}

/// What the failure of a conversation with `place` means. `said` is git's standard error; `reasons`
/// are those that the far end gave for single references.
pub fn explain(place: &Place, said: &str, reasons: &[String]) -> Trouble {
    let words = words(said);
    refused(place, &words, reasons)
        .or_else(|| by_noise(place, &words))
        .or_else(|| by_ssh_of_peer(place, &words))
        .unwrap_or_else(|| unreached(place, &words))
}

/// Whether the far end has no `ubos-sync` in its PATH.
pub fn is_program_missing(trouble: &Trouble) -> bool {
    trouble.kind == "agent-missing"
}

/// What git and the far end said, without the sentences that git always adds.
fn words(said: &str) -> String {
    const ALWAYS: [&str; 7] = [
        "hint:",
        "To ",
        "fatal: Could not read from remote repository",
        "Please make sure you have the correct access rights",
        "and the repository exists",
        "error: failed to push some refs",
        "fatal: the remote end hung up unexpectedly",
    ];
    let worth = |line: &&str| !line.is_empty() && !ALWAYS.iter().any(|a| line.starts_with(a));
    let lines: Vec<&str> = said.lines().map(str::trim).filter(worth).collect();
    lines.join("\n")
}

/// The far end was reached and said no.
fn refused(place: &Place, words: &str, reasons: &[String]) -> Option<Trouble> {
    let shown = &place.shown;
    let all = format!("{words}\n{}", reasons.join("\n"));
    let has = |part: &str| all.contains(part);
    let theirs = far_words(words);
    let told = if theirs.is_empty() { reasons.join("; ") } else { theirs };
    let trouble = |kind: &str, what: &str, hint: String| {
        let said = if told.is_empty() { String::new() } else { format!(": {told}") };
        Some(Trouble::new(kind, format!("{shown} {what}{said}"), hint))
    };
    if has("No space left on device") || has("Disk quota exceeded") {
        return trouble(
            "no-space",
            "has no space left",
            "make room there; what was given before is safe, the next push carries on".into(),
        );
    }
    if has("GH001") || has("Large files detected") || has("exceeds GitHub's file size limit") {
        return trouble(
            "too-large",
            "does not take a file of this size",
            "a commit of your own holds it: `git log --all --stat -- FILE` finds it; take it out of the history with `git rebase` or git-filter-repo, or store it with git-lfs. Snapshots leave files above `max_file_size` out".into(),
        );
    }
    if has("LFS objects") || has("GH008") {
        return trouble(
            "lfs",
            "misses objects of git-lfs",
            format!("run `git lfs push --all {}` once by hand", place.url),
        );
    }
    if has("GH013") || has("push protection") || has("secret") && has("declined") {
        return trouble(
            "refused",
            "refuses what looks like a secret",
            "follow what it says; a secret that was pushed anywhere must be changed where it is used".into(),
        );
    }
    if has("protected branch") {
        return trouble(
            "refused",
            "protects the branch",
            "let this login push to it in the settings there, or set another `branch` below `[backup]`".into(),
        );
    }
    if has("hook declined") {
        return trouble(
            "refused",
            "refused the push by a hook of its own",
            "its words say why; its keeper can change the hook. Nothing was lost here, the next push tries again".into(),
        );
    }
    if has("hash algorithm") || has("mismatched algorithms") {
        return trouble(
            "refused",
            "names objects by another hash than the repository here",
            "git has no way between the two: a repository of the usual hash here (`git init --object-format=sha1`), or a remote of the other".into(),
        );
    }
    if has("cannot lock ref") || has("failed to update ref") {
        return trouble(
            "busy",
            "is being given something by somebody else",
            if has(".lock") {
                "the next push tries again; if nobody else pushes there, a crash left that lock: remove it there".into()
            } else {
                "the next push sees what came of it; nothing was lost here".into()
            },
        );
    }
    if has("unpacker error") || has("unpack failed") || has("fsck error") || has("index-pack") {
        return trouble(
            "damaged",
            "could not take the objects",
            "`ubos-sync backup maintain --full` checks the repository here; `git fsck` there checks that one".into(),
        );
    }
    if !reasons.is_empty() {
        return trouble(
            "refused",
            "refused the push",
            "the next push tries again; `ubos-sync backup push` shows the answer anew".into(),
        );
    }
    None
}

/// A peer over ssh fails as in a sync, and is explained by the same words.
fn by_ssh_of_peer(place: &Place, words: &str) -> Option<Trouble> {
    let target = place.peer.as_ref()?;
    // Our own program at the far end tells its error in a line of its own.
    let code = if words.contains("Error: ") { None } else { Some(128) };
    let error = link::explain(target, code, words, &io::ErrorKind::UnexpectedEof.into());
    let kind = link::cause(&error).unwrap_or("unreachable");
    Some(Trouble::new(kind, error.to_string(), error.hint()))
}

/// A shell that prints something at login spoils git's conversation, unlike that of the sync.
fn by_noise(place: &Place, words: &str) -> Option<Trouble> {
    let noise = words.contains("bad line length character") || words.contains("protocol error: ");
    noise.then(|| {
        Trouble::new(
            "noise",
            format!("the shell at {} prints something where git should speak", place.shown),
            "in the start-up file of the shell there (`.bashrc`), let nothing be printed unless it is interactive: `[[ $- == *i* ]] || return` at its top",
        )
    })
}

/// A remote, or a folder, was not reached.
fn unreached(place: &Place, words: &str) -> Trouble {
    let shown = &place.shown;
    let has = |part: &str| words.contains(part);
    let any = |parts: &[&str]| parts.iter().any(|part| has(part));
    let first = words.lines().next().unwrap_or("no answer").to_owned();
    let first = first.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned();
    if has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        return Trouble::new(
            "host-key",
            format!("the host key of {shown} is not the one that is known"),
            "this may be another machine; ask its keeper for the fingerprint before `ssh-keygen -R HOST`",
        );
    }
    if has("Host key verification failed") || has("host key is known") {
        return Trouble::new(
            "host-key",
            format!("the host key of {shown} is not known yet"),
            "run `git ls-remote` for it once by hand, compare the fingerprint, answer yes",
        );
    }
    if any(&[
        "Permission denied (",
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "terminal prompts disabled",
        "error: 401",
        "error: 403",
    ]) {
        return Trouble::new(
            "auth",
            format!("{shown} refused the login: {first}"),
            "see that `GIT_TERMINAL_PROMPT=0 git ls-remote` works for it without a question: a key in the ssh agent, or a credential helper with a token that may write",
        );
    }
    if any(&["does not appear to be a git repository", "Repository not found", "not found"])
        && !has("Could not resolve")
    {
        return Trouble::new(
            "no-repository",
            format!("there is no repository at {shown}: {first}"),
            match place.kind {
                Kind::Remote => {
                    "make it there (`git init --bare`, or on the website), mount the disk, or correct `remote` below `[backup]`"
                }
                Kind::Mirror => {
                    "the next push makes it; if it was lost, the whole history goes there again"
                }
            },
        );
    }
    if has("took longer than") {
        return Trouble::new(
            "unreachable",
            format!("{shown} did not take it in time: {first}"),
            "the next push goes on with what is left",
        );
    }
    Trouble::new(
        "unreachable",
        format!("{shown} cannot be reached: {first}"),
        "check the network and that it is on; everything waits here and goes there as soon as it answers",
    )
}

/// What the far end itself said: the lines that git marks, without decoration.
fn far_words(words: &str) -> String {
    let lines = words.lines().filter_map(|line| line.strip_prefix("remote:"));
    let lines: Vec<&str> = lines
        .map(|line| line.trim().trim_start_matches("error: "))
        .filter(|l| !l.is_empty())
        .collect();
    let mut told = lines.join("; ");
    if let Some((end, _)) = told.char_indices().nth(MOST_WORDS) {
        told.truncate(end);
        told.push('…');
    }
    told
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ubos_engine::state::config::Peer;

    use super::*;
    use crate::git::mirror::Mirrors;
    use crate::git::testing::repository;

    fn remote() -> Place {
        let (_folder, git) = repository();
        Place::remote(&git, "git@github.com:a/b.git").unwrap()
    }

    fn mirror() -> Place {
        let peer = Peer {
            address: Some("me@balaur:/srv".into()),
            pair: "0123456789abcdef0123456789abcdef".into(),
            replica: "r".into(),
            owner: true,
            manifests: "balaur".into(),
            agent: None,
        };
        Place::mirror("balaur", &peer, &Mirrors::below(Path::new("/nowhere"))).unwrap().unwrap()
    }

    const TAIL: &str = "\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n";

    #[test]
    fn what_was_not_reached_is_told_by_its_cause() {
        let cases = [
            ("Host key verification failed.", "host-key", "not known yet"),
            ("git@github.com: Permission denied (publickey).", "auth", "refused the login"),
            (
                "fatal: could not read Username for 'https://h': terminal prompts disabled",
                "auth",
                "could not read Username",
            ),
            (
                "ssh: Could not resolve hostname github.com: Name or service not known",
                "unreachable",
                "Could not resolve",
            ),
            ("ssh: connect to host h port 22: Connection refused", "unreachable", "refused"),
            (
                "fatal: unable to access 'https://h/': Could not resolve host: h",
                "unreachable",
                "Could not resolve",
            ),
            ("ERROR: Repository not found.", "no-repository", "no repository at"),
            (
                "fatal: '/mnt/x.git' does not appear to be a git repository",
                "no-repository",
                "no repository at",
            ),
        ];
        for (said, kind, part) in cases {
            let trouble = explain(&remote(), &format!("{said}{TAIL}"), &[]);
            assert_eq!(trouble.kind, kind, "{said}");
            assert!(trouble.message.contains(part), "{said}: {}", trouble.message);
            assert!(!trouble.message.contains('\n') && !trouble.hint.is_empty());
        }
    }

    #[test]
    fn what_was_refused_is_told_in_the_words_of_the_far_end() {
        let declined = ["refs/heads/main: pre-receive hook declined".to_owned()];
        let said = "remote: not on a Sunday\nTo x\nerror: failed to push some refs to 'x'";
        let trouble = explain(&remote(), said, &declined);
        assert_eq!((trouble.kind.as_str(), trouble.exit_code()), ("refused", 1));
        assert!(
            trouble.message.ends_with("a hook of its own: not on a Sunday"),
            "{}",
            trouble.message
        );
        let large =
            "remote: error: GH001: Large files detected.\nremote: error: File a.bin is 120.00 MB";
        assert_eq!(explain(&remote(), large, &declined).kind, "too-large");
        let lfs = "remote: error: GH008: Your push referenced at least 1 unknown Git LFS objects:";
        assert_eq!(explain(&remote(), lfs, &declined).kind, "lfs");
        let protected = ["refs/heads/main: protected branch hook declined".to_owned()];
        assert!(explain(&remote(), "", &protected).message.contains("protects the branch"));
        let locked = "remote: error: cannot lock ref 'refs/heads/main': is at 1 but expected 2";
        assert_eq!(explain(&remote(), locked, &[]).kind, "busy");
        let hash = "fatal: the receiving end does not support this repository's hash algorithm";
        let other = explain(&remote(), hash, &[]);
        assert_eq!((other.kind.as_str(), other.exit_code()), ("refused", 1));
        assert!(other.message.ends_with("than the repository here"), "{}", other.message);
        let full = "remote: fatal: write error: No space left on device";
        assert_eq!(explain(&remote(), full, &["x: unpacker error".to_owned()]).kind, "no-space");
    }

    #[test]
    fn a_mirror_over_ssh_is_explained_by_the_words_of_the_sync() {
        for (said, kind) in [
            ("Host key verification failed.", "host-key"),
            ("bash: line 1: ubos-sync: command not found", "agent-missing"),
            ("me@balaur: Permission denied (publickey).", "auth"),
            ("ssh: connect to host balaur port 22: Connection timed out", "unreachable"),
        ] {
            let trouble = explain(&mirror(), &format!("{said}{TAIL}"), &[]);
            assert_eq!((trouble.kind.as_str(), trouble.exit_code()), (kind, 5), "{trouble:?}");
            assert!(trouble.message.contains("balaur"), "{trouble:?}");
        }
    }
}
