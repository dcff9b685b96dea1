//! `ubos-sync demo`: two territories in a temporary folder, two syncs, and what happened in them.
//!
//! Nothing here is acted: the folders, the pairing and the runs are the real ones, and every
//! sentence that claims something is checked on the disk before it is told.

mod claims;
mod content;
mod story;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use ubos_core::plan::Filter;
use ubos_core::sides::Sides;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::error::EngineError;
use ubos_engine::link::{Address, Target};
use ubos_engine::pairing::{self, InitRequest};
use ubos_engine::state::PRIVATE;

use super::{BUILD, program, sync};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render;
use crate::ui::Ui;
use claims::Claims;
use content::{BALAUR, LOCALHOST};

/// Make two territories in a temporary folder, sync them and show what happened
///
/// A laptop (`localhost`) and a server (`balaur`) with the standard manifests: they are paired and
/// synced, edited on both sides, and synced again, with a conflict that stays open for you to
/// settle. Nothing outside the new folder is touched; remove it when you have seen enough.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync demo                      in a new temporary folder
  ubos-sync demo --dir /tmp/two       in a folder of your choice")]
pub(crate) struct DemoArgs {
    /// Where to make the two folders; must be new or empty
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Carries it out.
pub(crate) fn run(args: &DemoArgs, global: &Global, ui: &Ui) -> Outcome {
    let folder = folder(args.dir.as_deref())?;
    let demo = Demo::new(folder, global)?;
    content::build(&demo.roots).map_err(write_failed(&demo.folder))?;
    tell(ui, || story::territories(&demo.folder, ui))?;

    let paired = pairing::init(&demo.pairing()?)?;
    tell(ui, || story::paired(&demo.roots, &paired, ui))?;

    let first = demo.sync(ui)?;
    Claims::new(&demo.roots).first_sync(&first)?;
    tell(ui, || story::first_sync(&first, ui))?;

    content::edit(&demo.roots).map_err(write_failed(&demo.folder))?;
    tell(ui, || story::edits(ui))?;

    let second = demo.sync(ui)?;
    Claims::new(&demo.roots).second_sync(&second)?;
    tell(ui, || story::second_sync(&demo.roots, &second, ui))?;
    tell(ui, || story::next(&demo.folder, &demo.roots, unlisted().as_deref(), ui))?;
    if ui.json() {
        ui.document(&demo.document(&[first, second]))?;
    }
    Ok(0)
}

fn tell(ui: &Ui, text: impl FnOnce() -> String) -> Result<(), Failure> {
    if ui.json() { Ok(()) } else { ui.answer(&text()) }
}

fn write_failed(folder: &Path) -> impl Fn(std::io::Error) -> Failure {
    move |e| EngineError::io("write", folder, e).into()
}

/// The two territories.
struct Demo {
    folder: PathBuf,
    roots: Sides<PathBuf>,
    global: Global,
}

impl Demo {
    fn new(folder: PathBuf, global: &Global) -> Result<Self, Failure> {
        let roots = Sides::new(folder.join(LOCALHOST), folder.join(BALAUR));
        let global = Global { root: Some(roots.here.clone()), peer: None, ..global.clone() };
        Ok(Self { folder, roots, global })
    }

    fn pairing(&self) -> Result<InitRequest, Failure> {
        let target = Target {
            apart: false,
            peer: BALAUR.to_owned(),
            address: Address::Local(self.roots.there.clone()),
            agent: None,
            program: program()?,
            build: BUILD.to_owned(),
        };
        let root = self.roots.here.clone();
        Ok(InitRequest { root, target, name: LOCALHOST.to_owned(), reverse: None })
    }

    /// One run from the laptop, as `ubos-sync bidirectional` there.
    fn sync(&self, ui: &Ui) -> Result<RunReport, Failure> {
        let request = sync::request(&self.global, "bidirectional", Filter::Both)?;
        let mut report = sync::cycle(&request, ui);
        match report.error.take() {
            Some(error) => Err(error.into()),
            None => Ok(report),
        }
    }

    fn document(&self, runs: &[RunReport]) -> serde_json::Value {
        json!({
            "schema": 1,
            "folder": self.folder.display().to_string(),
            "roots": {
                LOCALHOST: self.roots.here.display().to_string(),
                BALAUR: self.roots.there.display().to_string(),
            },
            "runs": runs.iter().map(render::json::run).collect::<Vec<_>>(),
            "exit": 0,
        })
    }
}

/// This program, if its name alone would not start it.
fn unlisted() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let listed = std::env::split_paths(&path).any(|dir| dir.join("ubos-sync").is_file());
    if listed { None } else { program().ok() }
}

/// The folder around both territories: a new temporary one that is kept, or the one asked for.
fn folder(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let folder = match asked {
        None => {
            let made = tempfile::Builder::new().prefix("ubos-demo-").tempdir();
            made.map_err(|e| EngineError::io("create", std::env::temp_dir(), e))?.keep()
        }
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|e| EngineError::io("create", dir, e))?;
            let mut content =
                std::fs::read_dir(dir).map_err(|e| EngineError::io("read", dir, e))?;
            if content.next().is_some() {
                return Err(Failure::usage(
                    format!("`{}` is not empty", dir.display()),
                    "name a new or an empty folder, or leave `--dir` out",
                ));
            }
            dir.to_owned()
        }
    };
    let folder = folder.canonicalize().map_err(|e| EngineError::io("find", &folder, e))?;
    match folder.ancestors().find(|above| above.join(PRIVATE).is_dir()) {
        None => Ok(folder),
        Some(above) => Err(Failure::usage(
            format!("`{}` lies in the territory `{}`", folder.display(), above.display()),
            "name a folder outside of it",
        )),
    }
}
