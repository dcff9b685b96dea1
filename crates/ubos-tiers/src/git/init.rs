//! Making or adopting the repository of a territory, with the settings that keep every byte. What is
//! to be done is found out first, then shown or carried out; what is there already is left.

mod attributes;
mod neighbours;
mod remote;

use std::path::{Path, PathBuf};

use ubos_engine::state::config::Config;
use ubos_engine::state::config::backup::{BackupSettings, Layout};

use super::command::{Git, ask_in, failed};
use super::error::{BackupError, Result};
use super::identity;
use super::repository::{Found, Repository};
use attributes::Lines;

/// What a person asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// A remote's name, or an address that gets one.
    pub remote: Option<&'a str>,
    /// The branch of snapshots.
    pub branch: Option<&'a str>,
    /// Where the other territory's files go.
    pub layout: Option<Layout>,
}

/// What has to be done, and why.
#[derive(Debug)]
pub struct Plan {
    root: PathBuf,
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// What a person should know.
    pub notices: Vec<String>,
    /// `[backup]` as it will be.
    pub settings: BackupSettings,
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// What it does.
    pub what: String,
    /// Why.
    pub why: &'static str,
    /// Whether it is done already.
    pub done: bool,
    act: Act,
}

#[derive(Debug)]
enum Act {
    Nothing,
    /// Makes the repository, with this branch.
    Make(String),
    /// Sets `key` to a value.
    Set(&'static str, &'static str),
    /// Adds lines to a file in the repository's folder.
    Add(Lines),
    /// Names an address.
    Remote {
        name: String,
        address: String,
    },
}

/// A setting of the repository that keeps bytes as they are.
struct Setting {
    key: &'static str,
    value: &'static str,
    why: &'static str,
    /// Whether what the user set is left.
    yields: bool,
}

const SETTINGS: [Setting; 4] = [
    Setting {
        key: "core.autocrlf",
        value: "false",
        why: "line ends come back as they were, also through git's own checkout",
        yields: false,
    },
    Setting {
        key: "core.safecrlf",
        value: "false",
        why: "git does not refuse files with mixed line ends",
        yields: false,
    },
    Setting {
        key: "core.fsync",
        value: "committed",
        why: "what you commit yourself survives a power failure, too (git 2.36 or later)",
        yields: true,
    },
    Setting {
        key: "gc.auto",
        value: "0",
        why: "git does not stop to tidy up in the middle of a run; `ubos-sync backup maintain` does it instead",
        yields: true,
    },
];

/// Names with accents are one thing on macOS and another elsewhere; git there can write them in the
/// common form.
const COMPOSED: Setting = Setting {
    key: "core.precomposeunicode",
    value: "true",
    why: "names with accents are the same on macOS and elsewhere",
    yields: false,
};

/// Finds out what has to be done in the territory at `root`. Changes nothing.
///
/// # Errors
/// As [`Repository::open`], apart from finding none; [`BackupError::Usage`] for a remote or branch
/// that cannot be.
pub fn plan(root: &Path, config: &Config, wish: &Wish<'_>) -> Result<Plan> {
    let mut plan = Plan {
        root: root.to_owned(),
        steps: Vec::new(),
        notices: Vec::new(),
        settings: config.backup.clone(),
    };
    plan.settings.enabled = true;
    if let Some(layout) = wish.layout {
        plan.settings.layout = layout;
    }
    if let Some(branch) = wish.branch {
        check_branch(branch)?;
        plan.settings.branch = Some(branch.to_owned());
    }
    let repository = match Repository::find(root)? {
        Found::Repository(found) => Some(*found),
        Found::None => None,
    };
    plan.repository(repository.as_ref(), wish)?;
    plan.fidelity(repository.as_ref())?;
    plan.remote(repository.as_ref(), wish)?;
    plan.identity(repository.as_ref(), config)?;
    plan.notices.extend(neighbours::look(root));
    Ok(plan)
}

impl Plan {
    /// Carries out what is not done yet. Safe to repeat.
    ///
    /// # Errors
    /// What git or the system says; the steps before stay done.
    pub fn carry_out(&self) -> Result<Repository> {
        for step in self.steps.iter().filter(|step| !step.done) {
            if let Act::Make(branch) = &step.act {
                make(&self.root, branch)?;
            }
        }
        let repository = Repository::open(&self.root)?;
        for step in self.steps.iter().filter(|step| !step.done) {
            match &step.act {
                Act::Nothing | Act::Make(_) => {}
                Act::Set(key, value) => {
                    repository.git().run(["config", "--local", key, value])?;
                }
                Act::Add(lines) => lines.add(repository.common())?,
                Act::Remote { name, address } => remote::add(repository.git(), name, address)?,
            }
        }
        Ok(repository)
    }

    fn step(&mut self, done: bool, act: Act, what: impl Into<String>, why: &'static str) {
        self.steps.push(Step { what: what.into(), why, done, act });
    }

    fn repository(&mut self, found: Option<&Repository>, wish: &Wish<'_>) -> Result<()> {
        const WHY: &str = "the history of everything shared, on this machine";
        let place = self.root.join(".git");
        let Some(found) = found else {
            let branch = match wish.branch {
                Some(branch) => branch.to_owned(),
                None => default_branch()?,
            };
            let what = format!("a repository in `{}`, branch `{branch}`", place.display());
            self.step(false, Act::Make(branch), what, WHY);
            return Ok(());
        };
        let what = format!("the repository in `{}` is adopted as it is", place.display());
        self.step(true, Act::Nothing, what, WHY);
        match found.standing() {
            Ok(standing) => self.notices.extend(standing.notes),
            Err(error @ BackupError::Busy { .. }) => self.notices.push(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn fidelity(&mut self, found: Option<&Repository>) -> Result<()> {
        let composed = cfg!(target_os = "macos").then_some(&COMPOSED);
        for setting in SETTINGS.iter().chain(composed) {
            let old = match found {
                Some(found) => local(found.git(), setting.key)?,
                None => None,
            };
            let what = match &old {
                Some(old) if old != setting.value && setting.yields => {
                    format!("{} = {old} (yours; left)", setting.key)
                }
                Some(old) if old != setting.value => {
                    format!("{} = {} (was {old})", setting.key, setting.value)
                }
                _ => format!("{} = {}", setting.key, setting.value),
            };
            let done = old.as_deref().is_some_and(|old| old == setting.value || setting.yields);
            self.step(done, Act::Set(setting.key, setting.value), what, setting.why);
        }
        for lines in [attributes::ATTRIBUTES, attributes::LOGS, attributes::EXCLUDE] {
            let missing = match found {
                Some(found) => lines.missing(found.common())?,
                None => lines,
            };
            let (done, what, why) = (missing.is_empty(), missing.what(), missing.why);
            self.step(done, Act::Add(missing), what, why);
        }
        Ok(())
    }

    fn remote(&mut self, found: Option<&Repository>, wish: &Wish<'_>) -> Result<()> {
        const WHY: &str = "the third place: what is committed is pushed there, never forced";
        let Some(wanted) = wish.remote else { return Ok(()) };
        let known = match found {
            Some(found) => remote::list(found.git())?,
            None => Vec::new(),
        };
        let chosen = remote::choose(wanted, &known)?;
        self.settings.remote = Some(chosen.name.clone());
        match chosen.address {
            None => self.step(true, Act::Nothing, format!("the remote `{}`", chosen.name), WHY),
            Some(address) => {
                let what = format!("the remote `{}`: {address}", chosen.name);
                self.step(false, Act::Remote { name: chosen.name, address }, what, WHY);
            }
        }
        Ok(())
    }

    fn identity(&mut self, found: Option<&Repository>, config: &Config) -> Result<()> {
        let git =
            found.map_or_else(|| Git::at(self.root.join(".git")), |found| found.git().clone());
        if identity::configured(&git)?.is_none() {
            let own = identity::fallback(&config.name);
            self.notices.push(format!(
                "git knows no name for you: snapshots are made by `{} <{}>`; `git config --global user.name NAME` and `user.email ADDRESS` change that",
                own.name, own.email
            ));
        }
        Ok(())
    }
}

/// The value of `key` in the repository's own configuration.
fn local(git: &Git, key: &str) -> Result<Option<String>> {
    let answer = git.ask(["config", "--local", "--get", key])?;
    Ok(answer.ok().then(|| answer.text()))
}

fn make(root: &Path, branch: &str) -> Result<()> {
    let args = ["init", "--quiet", "--initial-branch", branch];
    let answer = ask_in(root, args)?;
    if answer.ok() { Ok(()) } else { Err(failed(&args.map(Into::into), &answer)) }
}

/// What the user calls the first branch.
fn default_branch() -> Result<String> {
    let answer = ask_in(Path::new("/"), ["config", "--get", "init.defaultBranch"])?;
    let name = answer.text();
    let usable = answer.ok() && check_branch(&name).is_ok();
    Ok(if usable { name } else { "main".to_owned() })
}

fn check_branch(name: &str) -> Result<()> {
    let answer = ask_in(Path::new("/"), ["check-ref-format", "--branch", name])?;
    if answer.ok() && answer.text() == name {
        return Ok(());
    }
    Err(BackupError::Usage {
        message: format!("`{name}` cannot be the name of a branch"),
        hint: "a name such as `main` or `backup/laptop`".to_owned(),
    })
}
