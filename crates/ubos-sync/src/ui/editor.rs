//! The person's own editor, and their merge tool, on a text of ours.
//!
//! The text goes onto a `desk` outside of the territory and is gone from there when the program has
//! ended, however that went; what it made of the text is in memory.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;

use super::desk::Desk;
use super::prompt::Prompt;

/// Nothing larger is taken back from an editor.
const MAX_EDITED: u64 = 64 * 1024 * 1024;

/// What became of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edited {
    /// The program ended well and left this.
    Text(Vec<u8>),
    /// It did not, or left nothing; in words.
    Failed(String),
}

/// The versions that a merge tool is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stages<'a> {
    /// What both had agreed on, if it is known.
    pub base: Option<&'a [u8]>,
    /// Ours.
    pub here: &'a [u8],
    /// The peer's.
    pub there: &'a [u8],
    /// As far as it could be merged, with markers.
    pub merged: &'a [u8],
}

/// The command that the person edits with, as git has it.
pub(crate) fn editor() -> OsString {
    let set = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let asked = || said(&mut git(&std::env::temp_dir(), &["var", "GIT_EDITOR"]));
    set("VISUAL").or_else(|| set("EDITOR")).or_else(asked).unwrap_or_else(|| "vi".into())
}

/// The merge tool that git is configured to use, if there is one.
pub(crate) fn merge_tool() -> Option<String> {
    let name = said(&mut git(&std::env::temp_dir(), &["config", "--get", "merge.tool"]))?;
    Some(name.to_string_lossy().into_owned())
}

/// Lets the person edit `text`, the content of `path`.
///
/// # Errors
/// If the temporary file cannot be made.
pub(crate) fn edit(
    path: &RelPath,
    text: &[u8],
    root: &Path,
    prompt: &Prompt,
) -> Result<Edited, EngineError> {
    let desk = Desk::new(path, root)?;
    desk.place(text)?;
    let editor = editor();
    // The setting may have options or be a pipeline, hence the shell, as with git. Its trap keeps the
    // shell waiting where the editor takes Ctrl-C for itself, and does not reach the editor.
    let mut script = OsString::from("trap : INT\n");
    script.push(&editor);
    script.push(" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(&editor).arg(desk.file());
    let status = prompt.hand_over(&mut command);
    Ok(outcome(&desk, &format!("the editor (`{}`)", editor.to_string_lossy()), status))
}

/// Lets the person merge with the tool that git is configured to use.
///
/// # Errors
/// If the temporary repository cannot be made.
pub(crate) fn merge_with_tool(
    path: &RelPath,
    stages: &Stages<'_>,
    root: &Path,
    prompt: &Prompt,
) -> Result<Edited, EngineError> {
    let desk = Desk::new(path, root)?;
    desk.place(stages.merged)?;
    let prepared = prepare(&desk, stages);
    prepared.map_err(|e| EngineError::io("prepare a merge in", desk.folder(), e))?;
    let mut command =
        git(desk.folder(), &["-c", "mergetool.keepBackup=false", "mergetool", "--no-prompt", "--"]);
    command.arg(desk.name());
    let status = prompt.hand_over(&mut command);
    Ok(outcome(&desk, "the merge tool", status))
}

/// What the program left on the desk.
fn outcome(desk: &Desk, who: &str, status: io::Result<ExitStatus>) -> Edited {
    let failed = |how: String| Edited::Failed(format!("{who} {how}"));
    match status {
        Err(error) => return failed(format!("could not be started: {error}")),
        Ok(status) if !status.success() => return failed(ended(status)),
        Ok(_) => {}
    }
    match fs::metadata(desk.file()) {
        Ok(meta) if meta.len() > MAX_EDITED => {
            return failed("left a text that is too long".into());
        }
        Ok(_) => {}
        Err(_) => return failed("left no file".into()),
    }
    match fs::read(desk.file()) {
        Ok(text) => Edited::Text(text),
        Err(error) => failed(format!("left a file that cannot be read: {error}")),
    }
}

fn ended(status: ExitStatus) -> String {
    // A shell tells so of a program that was ended by a signal.
    let told = status.code().filter(|code| (129..160).contains(code)).map(|code| code - 128);
    match (status.code(), status.signal().or(told)) {
        (_, Some(2)) => "was interrupted".to_owned(),
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        (Some(127), _) => "could not be found".to_owned(),
        (code, None) => format!("ended with code {}", code.unwrap_or_default()),
    }
}

/// A repository in which the file is in conflict.
fn prepare(desk: &Desk, stages: &Stages<'_>) -> io::Result<()> {
    let folder = desk.folder();
    run(git(folder, &["init", "--quiet"]), b"")?;
    let mut index = Vec::new();
    let versions = [stages.base, Some(stages.here), Some(stages.there)];
    for (number, version) in (1..).zip(versions) {
        let Some(version) = version else { continue };
        let object = run(git(folder, &["hash-object", "-w", "--no-filters", "--stdin"]), version)?;
        index.extend_from_slice(b"100644 ");
        index.extend_from_slice(object.trim_ascii_end());
        index.extend_from_slice(format!(" {number}\t").as_bytes());
        index.extend_from_slice(desk.name().as_bytes());
        index.push(0);
    }
    run(git(folder, &["update-index", "-z", "--index-info"]), &index)?;
    Ok(())
}

/// Git in `folder`, whatever repository surrounds it or is named by the environment.
fn git(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(args).current_dir(folder);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"]
    {
        command.env_remove(name);
    }
    command
}

/// What a command writes, given `input`.
fn run(mut command: Command, input: &[u8]) -> io::Result<Vec<u8>> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().expect("it was asked for");
    // None of these writes anything before it has read everything.
    let written = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output()?;
    written?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(io::Error::other(format!("git {}", ended(output.status))))
    }
}

/// What a command says, if it ends well and says anything.
fn said(command: &mut Command) -> Option<OsString> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = output.stdout.trim_ascii();
    (output.status.success() && !text.is_empty()).then(|| OsStr::from_bytes(text).to_owned())
}
