//! Putting this program on a peer that has none, over plain ssh.
//!
//! Every remote command is a constant: no path, name or other word of a person reaches a shell.
//! The copy gets its final name only after it has its full length and has run there, so that a
//! connection that breaks leaves nothing that could be started by mistake.

use std::fs::File;
use std::io;
use std::process::Stdio;

use super::{Address, Target, advice, ssh};
use crate::error::{EngineError, Result};

/// Where the program is put, relative to the home folder there.
pub const PLACE: &str = ".local/bin/ubos-sync";

const UNAME: &str = "uname -sm";
const RECEIVE: &str =
    "mkdir -p .local/bin && cat > .local/bin/ubos-sync.new && chmod 755 .local/bin/ubos-sync.new";
const TRY: &str = "wc -c < .local/bin/ubos-sync.new && .local/bin/ubos-sync.new --version";
const PUT_IN_PLACE: &str = "mv -f .local/bin/ubos-sync.new .local/bin/ubos-sync";
const DISCARD: &str = "rm -f .local/bin/ubos-sync.new";

/// What a machine runs: system and architecture, in the words of this program's own build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// `linux`, `macos`, or what the machine calls itself.
    pub name: String,
    /// `x86_64`, `aarch64`, or what the machine calls it.
    pub architecture: String,
}

impl System {
    /// That of this program.
    pub fn here() -> Self {
        let (name, architecture) = crate::fs::platform::system();
        Self { name: name.to_owned(), architecture: architecture.to_owned() }
    }

    /// Reads the last line that `uname -sm` printed; a shell may have spoken before it.
    fn of_uname(said: &str) -> Option<Self> {
        let line = said.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        let (name, architecture) = line.split_once(' ')?;
        let name = match name {
            "Linux" => "linux",
            "Darwin" => "macos",
            other => other,
        };
        let architecture = match architecture {
            "arm64" => "aarch64",
            "amd64" => "x86_64",
            other => other,
        };
        Some(Self { name: name.to_owned(), architecture: architecture.to_owned() })
    }
}

/// Whom ssh is told to reach, `[user@]host`, and at which port; `None` for a folder on this machine.
pub fn destination(address: &Address) -> Option<(String, Option<u16>)> {
    match address {
        Address::Local(_) => None,
        Address::Ssh { user, host, port, .. } => {
            let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
            Some((format!("{user}{host}"), *port))
        }
    }
}

/// What the peer's machine runs.
///
/// # Errors
/// [`EngineError::Unreachable`] if it cannot be asked or its answer is not understood.
pub fn system_of(target: &Target) -> Result<System> {
    let said = call(target, UNAME, Stdio::null())?;
    System::of_uname(&said)
        .ok_or_else(|| failed(target, format!("`uname -sm` there says `{}`", said.trim())))
}

/// Copies this program to [`PLACE`] on the peer, and sees that it runs there.
///
/// # Errors
/// [`EngineError::Unreachable`] if the connection breaks or the copy does not run there;
/// [`EngineError::Io`] if this program cannot be read.
pub fn install(target: &Target) -> Result<()> {
    let path = &target.program;
    let open = || -> io::Result<(File, u64)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    };
    let (program, length) = open().map_err(|e| EngineError::io("read", path, e))?;
    let done = call(target, RECEIVE, program.into())
        .and_then(|_| call(target, TRY, Stdio::null()))
        .and_then(|said| arrived(target, &said, length))
        .and_then(|()| call(target, PUT_IN_PLACE, Stdio::null()));
    if done.is_err() {
        // What cannot be removed now is written over by the next try.
        let _ = call(target, DISCARD, Stdio::null());
    }
    done.map(|_| ())
}

/// Whether the copy has the right length and answered with the build of this program.
fn arrived(target: &Target, said: &str, length: u64) -> Result<()> {
    let mut lines = said.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let (version, size) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    if size == length.to_string() && version == target.build {
        return Ok(());
    }
    Err(failed(target, format!("the copy is not what was sent: {size} bytes, `{version}`")))
}

fn failed(target: &Target, why: String) -> EngineError {
    EngineError::Unreachable {
        message: format!("ubos-sync could not be installed on {}: {why}", target.peer),
        hint: Some(
            "install a ubos-sync that was built for that machine, in its PATH or as `.local/bin/ubos-sync`"
                .into(),
        ),
    }
}

/// Runs a constant command on the peer; returns what it printed.
fn call(target: &Target, command: &'static str, input: Stdio) -> Result<String> {
    let Some((host, port)) = destination(&target.address) else {
        return Err(failed(target, "it is a folder on this machine".to_owned()));
    };
    let mut ssh = ssh(port.as_ref());
    ssh.arg("--").arg(host).arg(command).stdin(input);
    let output = ssh.output().map_err(|e| failed(target, format!("ssh cannot be started: {e}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        // ssh's own failures end with 255; all else is the command's.
        code @ (Some(255) | None) => {
            let broken = io::Error::from(io::ErrorKind::UnexpectedEof);
            Err(advice::explain(target, code, &stderr, &broken))
        }
        Some(code) => {
            let said = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty());
            let why = said.map_or_else(|| format!("exit code {code}"), str::to_owned);
            Err(failed(target, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_named_as_builds_are() {
        let cases = [
            ("Linux x86_64\n", "linux", "x86_64"),
            ("Welcome!\nDarwin arm64\n\n", "macos", "aarch64"),
            ("FreeBSD amd64", "FreeBSD", "x86_64"),
        ];
        for (said, name, architecture) in cases {
            let system = System { name: name.into(), architecture: architecture.into() };
            assert_eq!(System::of_uname(said), Some(system), "{said}");
        }
        assert_eq!(System::of_uname("uname?"), None);
        assert_eq!(System::of_uname(""), None);
    }

    #[test]
    fn only_a_whole_copy_of_this_build_has_arrived() {
        let target = Target {
            apart: false,
            peer: "balaur".into(),
            address: Address::parse("host:/srv").unwrap(),
            agent: None,
            program: "ubos-sync".into(),
            build: "ubos-sync 1.2.3".into(),
        };
        assert!(arrived(&target, "Hello\n  4096\nubos-sync 1.2.3\n", 4096).is_ok());
        for said in ["4095\nubos-sync 1.2.3\n", "4096\nubos-sync 1.2.2\n", "4096\n", ""] {
            assert!(arrived(&target, said, 4096).is_err(), "{said}");
        }
    }
}
