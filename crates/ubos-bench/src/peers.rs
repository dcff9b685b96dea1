//! The tools that are compared, and how each is asked for one two-way sync of a pair.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::corpus::{At, PEER};
use crate::measure::run_quietly;

/// The two roots of one pair; both are on this machine, the second is reached over ssh.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub here: PathBuf,
    pub there: PathBuf,
}

/// What all commands share: how the far side is reached, and a home of their own.
pub(crate) struct Setting {
    /// The `ssh` wrapper.
    pub ssh: PathBuf,
    /// `user@127.0.0.1`.
    pub destination: String,
    /// `ssh://user@127.0.0.1:port`.
    pub url: String,
    /// PATH with the wrapper first.
    pub path: OsString,
    /// An empty HOME.
    pub home: PathBuf,
    /// Unison's archives of the near side.
    pub archives: PathBuf,
    /// The measured `ubos-sync`.
    pub binary: Option<PathBuf>,
}

/// A synchronizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Tool {
    UbosSync,
    Rsync,
    Unison,
}

impl Tool {
    /// The name of its program.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::UbosSync => "ubos-sync",
            Self::Rsync => "rsync",
            Self::Unison => "unison",
        }
    }

    /// What has to be said once before a first sync; it is not timed.
    pub(crate) fn introduce(self, setting: &Setting, pair: &Pair) -> Result<()> {
        if self != Self::UbosSync {
            return Ok(());
        }
        let address = format!("{PEER}={}{}", setting.url, pair.there.display());
        let mut init = setting.ubos_sync()?;
        init.arg("init").arg(&pair.here).args(["--peer", &address]);
        run_quietly(&mut init)
    }

    /// The commands of one two-way sync. rsync knows no two-way sync: it is called once from the
    /// side that changed, and once back. Only where the change is a move does the first call
    /// delete, since otherwise the second would bring the old folder back.
    pub(crate) fn sync(
        self,
        setting: &Setting,
        pair: &Pair,
        changed: At,
        moved: bool,
    ) -> Result<Vec<Command>> {
        Ok(match self {
            Self::UbosSync => {
                let mut command = setting.ubos_sync()?;
                command.arg("--root").arg(&pair.here).args(["bidirectional", "--json"]);
                vec![command]
            }
            Self::Rsync => {
                let here = format!("{}/", pair.here.display());
                let there = format!("{}:{}/", setting.destination, pair.there.display());
                let mut calls = [(&here, &there), (&there, &here)];
                if changed == At::There {
                    calls.reverse();
                }
                let mut commands = calls.map(|(from, to)| setting.rsync(from, to));
                if moved {
                    commands[0].arg("--delete");
                }
                commands.into()
            }
            Self::Unison => vec![setting.unison(pair)],
        })
    }
}

impl Setting {
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("PATH", &self.path)
            .env("HOME", &self.home)
            .env("UNISON", &self.archives)
            .env_remove("SSH_AUTH_SOCK");
        command
    }

    fn ubos_sync(&self) -> Result<Command> {
        let binary = self.binary.as_ref().context("there is no ubos-sync to measure")?;
        Ok(self.command(binary))
    }

    /// The command that keeps a pair in sync.
    pub(crate) fn watch(&self, pair: &Pair) -> Result<Command> {
        let mut command = self.ubos_sync()?;
        command.arg("--root").arg(&pair.here).args(["watch", "--json"]);
        Ok(command)
    }

    fn rsync(&self, from: &str, to: &str) -> Command {
        let mut command = self.command(Path::new("rsync"));
        command.arg("-a").arg("-e").arg(&self.ssh).args([from, to]);
        command
    }

    fn unison(&self, pair: &Pair) -> Command {
        let mut command = self.command(Path::new("unison"));
        command
            .arg(&pair.here)
            .arg(format!("{}/{}", self.url, pair.there.display()))
            .args(["-ui", "text", "-batch", "-terse", "-times", "-logfile", "/dev/null"])
            .arg("-sshcmd")
            .arg(&self.ssh);
        command
    }
}
