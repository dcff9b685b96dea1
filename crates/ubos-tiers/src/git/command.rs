//! Running git: the user's own program, with an environment that nothing outside can bend, and
//! bounded in time.
//!
//! A hook, an editor or a shell may have set `GIT_DIR` and its like, which would send every command
//! to another repository; all `GIT_*` variables are taken away. Nothing may ask a question: no
//! terminal prompt, no pinentry, no editor.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::error::{BackupError, Result};

/// How long a command may take that works on this machine's disk alone.
const LOCAL_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Most characters of git's own words in a message.
const MAX_WORDS: usize = 600;

/// What a command said when it ended well or was allowed not to.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error, as text.
    pub err: String,
}

impl Answer {
    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// Standard output as text, without the last line's end.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).trim_end_matches('\n').to_owned()
    }
}

/// git, for one repository.
#[derive(Debug, Clone)]
pub struct Git {
    dir: PathBuf,
    folder: Option<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    limit: Duration,
}

impl Git {
    /// git for the repository whose `.git` folder (or bare repository) is `dir`. Whether it is one is
    /// not looked at.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), folder: None, environment: Vec::new(), limit: LOCAL_LIMIT }
    }

    /// The repository's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The same with another index file.
    #[must_use]
    pub fn with_index(&self, file: &Path) -> Self {
        self.with("GIT_INDEX_FILE", file)
    }

    /// The same with a variable set for the commands.
    #[must_use]
    pub fn with(&self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let mut other = self.clone();
        other.environment.push((name.into(), value.as_ref().to_owned()));
        other
    }

    /// The same with commands that run in `folder`: a remote that is named by a relative path is meant
    /// from there.
    #[must_use]
    pub fn in_folder(&self, folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), ..self.clone() }
    }

    /// git for another repository, with everything else the same.
    #[must_use]
    pub fn for_other(&self, dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), ..self.clone() }
    }

    /// The same with another limit in time for each command.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self { limit, ..self.clone() }
    }

    /// A command that was not started yet, for streaming; standard input, output and error are
    /// piped. Prefer [`Git::run`].
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("git");
        clean(&mut command);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command.arg("--git-dir").arg(&self.dir);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(args);
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A Ctrl-C is for this program, which lets git finish what it began.
        command.process_group(0);
        command
    }

    /// Runs a command that must end with 0.
    ///
    /// # Errors
    /// [`BackupError::Git`] with what git said; [`BackupError::NoGit`] if there is no git.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Answer> {
        self.run_with(args, b"")
    }

    /// As [`Git::run`], with something on standard input.
    ///
    /// # Errors
    /// As [`Git::run`].
    pub fn run_with<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        input: &[u8],
    ) -> Result<Answer> {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let answer = self.ask_with(&args, input)?;
        if answer.ok() { Ok(answer) } else { Err(failed(&args, &answer)) }
    }

    /// Runs a command whose exit code is an answer.
    ///
    /// # Errors
    /// [`BackupError::NoGit`] if there is no git; [`BackupError::Git`] if it took too long.
    pub fn ask<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Answer> {
        self.ask_with(args, b"")
    }

    /// As [`Git::ask`], with something on standard input.
    ///
    /// # Errors
    /// As [`Git::ask`].
    pub fn ask_with<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        input: &[u8],
    ) -> Result<Answer> {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let child = self.command(&args).spawn().map_err(|e| missing(&e))?;
        finish(child, &args, input, self.limit)
    }

    /// The commit or other object that `name` stands for; `None` if there is none.
    ///
    /// # Errors
    /// As [`Git::ask`].
    pub fn resolve(&self, name: &str) -> Result<Option<String>> {
        let answer = self.ask(["rev-parse", "--verify", "--quiet", "--end-of-options", name])?;
        Ok(answer.ok().then(|| answer.text()))
    }
}

/// Asks git in `folder`, where it looks for the repository by itself, with its own check of who owns
/// it. Everything else goes by [`Git`], which never looks around.
///
/// # Errors
/// [`BackupError::NoGit`] if there is no git; [`BackupError::Git`] if it took too long.
pub fn ask_in<S: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = S>) -> Result<Answer> {
    let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
    let mut command = Command::new("git");
    clean(&mut command);
    command.arg("-C").arg(folder).args(&args).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|e| missing(&e))?;
    finish(child, &args, b"", LOCAL_LIMIT)
}

/// What holds for every command, whatever the user's settings say: nothing runs or asks by itself,
/// and paths are printed as they are.
const SETTINGS: [&str; 9] = [
    "core.quotePath=false",
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "core.fsmonitor=false",
    "i18n.commitEncoding=UTF-8",
    // What a reference points to is made durable before it moves; this is for the reference itself.
    "core.fsync=reference",
    "core.fsyncMethod=fsync",
];

/// Takes away what could send git elsewhere or make it ask.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GIT_") {
            command.env_remove(name);
        }
    }
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_EDITOR", "false")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS", "")
        .env("LC_ALL", "C");
}

/// git could not be started or heard.
pub(super) fn missing(error: &std::io::Error) -> BackupError {
    BackupError::NoGit { message: format!("`git` cannot be started: {error}") }
}

/// Why a command that had to end well did not.
pub fn failed(args: &[OsString], answer: &Answer) -> BackupError {
    let words = if answer.err.trim().is_empty() { answer.text() } else { answer.err.clone() };
    let message: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut message = message.join("; ");
    if message.is_empty() {
        message = match answer.code {
            Some(code) => format!("exit code {code}"),
            None => "ended by a signal".to_owned(),
        };
    }
    if let Some((end, _)) = message.char_indices().nth(MAX_WORDS) {
        message.truncate(end);
        message.push('…');
    }
    BackupError::Git { command: shown(args), message, code: answer.code }
}

/// The command's name and as much of its arguments as helps.
fn shown(args: &[OsString]) -> String {
    let words: Vec<String> =
        args.iter().take(3).map(|a| a.to_string_lossy().into_owned()).collect();
    words.join(" ")
}

/// Feeds and hears out a child, and ends it when its time is over.
fn finish(mut child: Child, args: &[OsString], input: &[u8], limit: Duration) -> Result<Answer> {
    let stdin = child.stdin.take();
    let mut stdout = child.stdout.take().expect("stdout is piped");
    let mut stderr = child.stderr.take().expect("stderr is piped");
    std::thread::scope(|scope| {
        let feed = scope.spawn(move || {
            if let Some(mut stdin) = stdin {
                // git may have seen enough; its exit code tells.
                let _ = stdin.write_all(input);
            }
        });
        let complain = scope.spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let (done, over) = mpsc::channel::<()>();
        let group = Pid::from_child(&child);
        let guard = scope.spawn(move || {
            let late = over.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                // With everything that it started; already gone is as good as killed.
                let _ = kill_process_group(group, Signal::KILL);
            }
            late
        });
        let mut out = Vec::new();
        let read = stdout.read_to_end(&mut out);
        let err = complain.join().expect("reading does not panic");
        feed.join().expect("writing does not panic");
        drop(done);
        let late = guard.join().expect("waiting does not panic");
        let status = child.wait().map_err(|e| missing(&e))?;
        if late {
            return Err(BackupError::Git {
                command: shown(args),
                message: format!("took longer than {} s and was ended", limit.as_secs()),
                code: None,
            });
        }
        read.map_err(|e| missing(&e))?;
        Ok(Answer { code: status.code(), out, err })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, Git) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("r.git");
        let made = Command::new("git").args(["init", "--quiet", "--bare"]).arg(&dir).status();
        assert!(made.unwrap().success());
        (folder, Git::at(dir))
    }

    #[test]
    fn what_goes_in_comes_out_as_an_object() {
        let (_folder, git) = repository();
        let id = git.run_with(["hash-object", "-w", "--stdin"], b"text\n").unwrap().text();
        assert_eq!(git.run(["cat-file", "blob", &id]).unwrap().out, b"text\n");
        assert_eq!(git.resolve(&id).unwrap(), Some(id));
        assert_eq!(git.resolve("refs/heads/none").unwrap(), None);
    }

    #[test]
    fn more_than_a_pipe_holds_goes_through() {
        let (_folder, git) = repository();
        let bytes = vec![b'x'; 3 << 20];
        let id = git.run_with(["hash-object", "-w", "--stdin"], &bytes).unwrap().text();
        assert_eq!(git.run(["cat-file", "blob", &id]).unwrap().out, bytes);
    }

    #[test]
    fn a_failure_says_what_git_said_in_one_line() {
        let (_folder, git) = repository();
        let error = git.run(["cat-file", "blob", "no-such-object"]).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("`git cat-file blob no-such-object` failed: "), "{message}");
        assert!(!message.contains('\n'), "{message}");
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let (_folder, git) = repository();
        let git = git.within(Duration::from_millis(200));
        // Waits for an object name on its input, which stays open as long as the child lives.
        let mut child = git.command(["cat-file", "--batch"]).spawn().unwrap();
        let held = child.stdin.take();
        let error = finish(child, &["cat-file".into()], b"", Duration::from_millis(200));
        drop(held);
        assert!(error.unwrap_err().to_string().contains("took longer than"));
    }
}
