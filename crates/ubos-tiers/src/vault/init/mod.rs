//! Makes a territory a vault: a plan of what would be written, from what stands there. The plan is a
//! value, shown before anything happens; a second plan after the first was carried out is empty.

use std::io;

use serde::Serialize;

use ubos_engine::edits::Edit;

use super::layout::Layout;
use super::pack::Pack;
use super::plugins::{self, PluginManifest, is_newer};
use super::settings::{Form, KeyChange, Settings};
use super::theme::Theme;
use super::{core_settings, graph_settings, secrets, sync_rules, tame};

/// What a person wants.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    /// The settings folder.
    pub config_dir: String,
    /// A look.
    pub theme: Option<Theme>,
    /// One vault or two.
    pub layout: Layout,
    /// Whether the plugin obsidian-git is to be tamed.
    pub tame: bool,
    /// Plugins to be put in place.
    pub pack: Option<&'a Pack>,
    /// The manifests of each pair.
    pub manifests: Vec<Manifests>,
    /// Whether the configuration says already what becomes of conflicts in the settings.
    pub has_policy: bool,
}

/// The manifests of a pair, and what they say of the vault's settings now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifests {
    /// The to-manifest's path.
    pub to: String,
    /// The exclude manifest's path.
    pub exclude: String,
    /// Whether the settings sync.
    pub settings: Synced,
}

/// Whether the vault's settings sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Synced {
    /// They do.
    Yes,
    /// No line selects them.
    No,
    /// A line excludes them, in words.
    Excluded(String),
}

/// One file that would be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its path from the territory's top folder.
    pub path: String,
    /// `create` or `update`.
    pub op: &'static str,
    /// Of settings, what would be changed.
    pub keys: Vec<KeyChange>,
    /// Of a manifest, the lines that would be added.
    pub lines: Vec<String>,
    /// Of anything else, what it is.
    pub about: Option<String>,
    /// What stands there.
    #[serde(skip)]
    pub before: Option<Vec<u8>>,
    /// What would stand there.
    #[serde(skip)]
    pub after: Vec<u8>,
}

impl Change {
    /// The same as an edit for the engine.
    pub fn edit(&self) -> Edit {
        Edit { path: self.path.clone(), before: self.before.clone(), after: self.after.clone() }
    }
}

/// What would be written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The files.
    pub changes: Vec<Change>,
    /// Policies for conflicts that the configuration lacks: pattern and policy.
    pub policies: Vec<(String, String)>,
    /// Files and plugins that are left alone, and why: these want a person.
    pub troubled: Vec<(String, String)>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// What the plugin obsidian-git does by itself, if it is not to be tamed.
    pub fights: Vec<String>,
}

impl Plan {
    /// Whether all is as it should be.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.policies.is_empty()
    }
}

/// Reads a file by its path from the top folder.
pub type Read<'a> = dyn Fn(&str) -> io::Result<Option<Vec<u8>>> + 'a;

/// The plan. `plugin_folders`: the names in the folder of plugins.
pub fn plan(wish: &Wish<'_>, plugin_folders: &[String], read: &Read<'_>) -> Plan {
    let mut maker = Maker { wish, read, plan: Plan::default() };
    maker.settings(core_settings::APP, Form::Object, |app, _| core_settings::app(app));
    maker.settings(core_settings::APPEARANCE, Form::Object, |appearance, _| {
        wish.theme.iter().for_each(|theme| theme.enable(appearance));
    });
    maker.settings(core_settings::CORE_PLUGINS, Form::Object, core_settings::core_plugins);
    maker.settings(graph_settings::NAME, Form::Object, graph_settings::apply);
    maker.settings(plugins::ENABLED, Form::List, |enabled, _| {
        plugins::WANTED.iter().for_each(|id| enabled.push(None, id));
    });
    maker.theme();
    maker.pack();
    maker.git_plugin(plugin_folders);
    maker.manifests(plugin_folders);
    maker.policies();
    maker.plan
}

struct Maker<'a> {
    wish: &'a Wish<'a>,
    read: &'a Read<'a>,
    plan: Plan,
}

impl Maker<'_> {
    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.wish.config_dir)
    }

    fn troubled(&mut self, path: String, why: impl Into<String>) {
        self.plan.troubled.push((path, why.into()));
    }

    /// What a file holds; of one that cannot be read it is told, and it is left alone.
    fn present(&mut self, path: &str) -> Option<Option<Vec<u8>>> {
        match (self.read)(path) {
            Ok(found) => Some(found),
            Err(why) => {
                self.troubled(path.to_owned(), format!("it cannot be read: {why}"));
                None
            }
        }
    }

    /// Plans the change of one file of settings.
    fn settings(&mut self, name: &str, form: Form, change: impl FnOnce(&mut Settings, bool)) {
        let path = self.at(name);
        let Some(before) = self.present(&path) else { return };
        let mut settings = match &before {
            None => Settings::new(form),
            Some(bytes) => match Settings::parse(bytes) {
                Ok(settings) => settings,
                Err(torn) => {
                    let why = format!("it does not parse ({torn}), so it is not written over");
                    return self.troubled(path, why);
                }
            },
        };
        // The list of built-in plugins was one of names before it was an object.
        if settings.form() != form && name != core_settings::CORE_PLUGINS {
            let what = if form == Form::List { "no list" } else { "no object" };
            return self.troubled(path, format!("it is {what}, so it is not written over"));
        }
        change(&mut settings, before.is_none());
        let (after, keys) = settings.into_parts();
        if before.as_ref() != Some(&after) {
            self.write(path, before, after, |change| change.keys = keys);
        }
    }

    fn write(
        &mut self,
        path: String,
        before: Option<Vec<u8>>,
        after: Vec<u8>,
        more: impl FnOnce(&mut Change),
    ) {
        let op = if before.is_some() { "update" } else { "create" };
        let (keys, lines, about) = Default::default();
        let mut change = Change { path, op, keys, lines, about, before, after };
        more(&mut change);
        self.plan.changes.push(change);
    }

    fn theme(&mut self) {
        let Some(theme) = self.wish.theme else { return };
        let path = self.at(&format!("snippets/{}.css", theme.snippet()));
        let Some(before) = self.present(&path) else { return };
        match &before {
            Some(present) if present == theme.css().as_bytes() => {}
            Some(present) if !theme.made(present) => {
                self.troubled(path, "another snippet has this name; rename yours to get this one");
            }
            _ => self.write(path, before, theme.css().into(), |change| {
                change.about = Some("a style snippet: brass and glass".to_owned());
            }),
        }
    }

    fn pack(&mut self) {
        let Some(pack) = self.wish.pack else { return };
        for (folder, why) in &pack.refused {
            self.troubled(format!("plugin {folder}"), format!("not put in place: {why}"));
        }
        for packed in &pack.plugins {
            let folder = self.at(&format!("{}/{}", plugins::FOLDER, packed.manifest.id));
            let Some(present) = self.present(&format!("{folder}/manifest.json")) else { continue };
            let present = present.and_then(|bytes| PluginManifest::parse(&bytes).ok());
            let (id, version) = (&packed.manifest.id, &packed.manifest.version);
            if let Some(newer) = present.filter(|present| is_newer(&present.version, version)) {
                self.plan.notes.push(format!(
                    "{id} stays at {}, which is newer than the pack's {version}",
                    newer.version
                ));
                continue;
            }
            let needs = packed.manifest.min_app_version.as_deref();
            let needs = needs.map(|v| format!(", needs Obsidian {v}")).unwrap_or_default();
            for (name, bytes) in &packed.files {
                let path = format!("{folder}/{name}");
                let Some(before) = self.present(&path) else { continue };
                if before.as_ref() != Some(bytes) {
                    self.write(path, before, bytes.clone(), |change| {
                        change.about = Some(format!("{id} {version}, as pinned{needs}"));
                    });
                }
            }
        }
    }

    fn git_plugin(&mut self, folders: &[String]) {
        let packed = self.wish.pack.iter().flat_map(|pack| &pack.plugins);
        let comes = packed.into_iter().any(|packed| packed.manifest.id == tame::ID);
        if !comes && !folders.iter().any(|folder| folder == tame::ID) {
            return;
        }
        let name = format!("{}/{}/data.json", plugins::FOLDER, tame::ID);
        if self.wish.tame {
            return self.settings(&name, Form::Object, |data, _| tame::apply(data));
        }
        let path = self.at(&name);
        let data = self.present(&path).flatten().and_then(|data| Settings::parse(&data).ok());
        let fights = data.map(|data| tame::fights(&data)).unwrap_or_default();
        self.plan.fights = fights.into_iter().map(|(_, does)| does).collect();
    }

    fn manifests(&mut self, folders: &[String]) {
        let wish = self.wish;
        let secrets = self.plugins_with_secrets(folders);
        let rules = sync_rules::never(&wish.config_dir, wish.layout, &secrets);
        let mut seen: Vec<&str> = Vec::new();
        for manifests in &wish.manifests {
            if !seen.contains(&manifests.exclude.as_str()) {
                seen.push(&manifests.exclude);
                self.manifest(&manifests.exclude, |text| {
                    let (text, added) = sync_rules::with_excluded(text, &rules)?;
                    Some((text, added.into_iter().map(|rule| rule.pattern).collect()))
                });
            }
            if wish.layout == Layout::Linked {
                continue;
            }
            match &manifests.settings {
                Synced::Yes => {}
                Synced::No => self.manifest(&manifests.to, |text| {
                    let (text, added) = sync_rules::with_settings(text, &wish.config_dir)?;
                    Some((text, vec![added.pattern]))
                }),
                Synced::Excluded(by) => self.plan.notes.push(format!(
                    "`{}/` does not sync: {by}; take that line out if both machines are to have \
                     the same settings",
                    wish.config_dir
                )),
            }
        }
    }

    fn manifest(&mut self, path: &str, change: impl FnOnce(&str) -> Option<(String, Vec<String>)>) {
        let Some(before) = self.present(path) else { return };
        let Ok(text) = String::from_utf8(before.clone().unwrap_or_default()) else {
            return self.troubled(path.to_owned(), "it is not UTF-8, so it is not written over");
        };
        if let Some((after, lines)) = change(&text) {
            self.write(path.to_owned(), before, after.into(), |change| change.lines = lines);
        }
    }

    /// Plugins whose settings hold a secret now.
    fn plugins_with_secrets(&self, folders: &[String]) -> Vec<String> {
        let holds = |folder: &&String| {
            let path = self.at(&format!("{}/{folder}/data.json", plugins::FOLDER));
            let data = (self.read)(&path).ok().flatten();
            data.is_some_and(|data| !secrets::held(&data).is_empty())
        };
        folders.iter().filter(holds).cloned().collect()
    }

    /// Settings that both machines changed are merged by key.
    fn policies(&mut self) {
        if self.wish.has_policy || self.wish.layout == Layout::Linked {
            return;
        }
        let patterns = ["*.json".to_owned(), format!("{}/*/data.json", plugins::FOLDER)];
        let policies = patterns.iter().map(|pattern| (self.at(pattern), "merge".to_owned()));
        self.plan.policies = policies.collect();
        self.plan.notes.push(
            "the policies hold for runs that this machine starts; `ubos-sync vault init` on the \
             other adds them there"
                .to_owned(),
        );
    }
}

#[cfg(test)]
mod tests;
