//! The vault's settings and plugins.

use super::{Finding, Rule};
use crate::vault::files::VaultFiles;
use crate::vault::plugins::{self, Installed};
use crate::vault::settings::{Settings, Torn};
use crate::vault::{core_settings, secrets, tame};

/// Looks at the settings folder `config_dir`.
pub(super) fn check(
    files: &VaultFiles,
    config_dir: &str,
    syncs: &dyn Fn(&str) -> bool,
    findings: &mut Vec<Finding>,
) {
    let mut checker = Checker { files, config_dir, syncs, findings };
    for name in files.names(config_dir) {
        let is_settings = name.kind.is_file() && name.name.ends_with(".json");
        if is_settings && !name.name.starts_with("workspace") {
            checker.settings(&name.name);
        }
    }
    let installed = plugins::installed(files, config_dir);
    let enabled = checker.read(plugins::ENABLED);
    let enabled = enabled.map(|list| core_settings::names(&list, None)).unwrap_or_default();
    for id in &enabled {
        checker.enabled(id, &installed);
    }
    for plugin in &installed {
        checker.installed(plugin, &enabled);
    }
}

struct Checker<'a> {
    files: &'a VaultFiles,
    config_dir: &'a str,
    syncs: &'a dyn Fn(&str) -> bool,
    findings: &'a mut Vec<Finding>,
}

impl Checker<'_> {
    fn found(
        &mut self,
        rule: Rule,
        name: &str,
        line: Option<u32>,
        what: String,
        remedy: impl Into<String>,
    ) {
        let path = format!("{}/{name}", self.config_dir);
        self.findings.push(Finding { rule, path, line, what, remedy: remedy.into() });
    }

    fn read(&self, name: &str) -> Option<Settings> {
        let bytes = self.files.read(&format!("{}/{name}", self.config_dir)).ok()??;
        Settings::parse(&bytes).ok()
    }

    /// The line in which a name stands in quotes for the first time.
    fn line(&self, name: &str, quoted: &str) -> Option<u32> {
        let bytes = self.files.read(&format!("{}/{name}", self.config_dir)).ok()??;
        let text = String::from_utf8_lossy(&bytes);
        let at = text.find(&serde_json::to_string(quoted).ok()?)?;
        u32::try_from(1 + text[..at].matches('\n').count()).ok()
    }

    /// One file of settings, if it is there: whether it parses.
    fn settings(&mut self, name: &str) -> Option<Settings> {
        let torn = match self.files.read(&format!("{}/{name}", self.config_dir)) {
            Ok(None) => return None,
            Ok(Some(bytes)) => match Settings::parse(&bytes) {
                Ok(settings) => return Some(settings),
                Err(torn) => torn,
            },
            Err(why) => Torn { line: 1, why: why.to_string() },
        };
        let remedy = "correct it, or bring a former version back: `ubos-sync history` lists them";
        self.found(Rule::BrokenSettings, name, Some(torn.line), torn.why, remedy);
        None
    }

    fn enabled(&mut self, id: &str, installed: &[Installed]) {
        let is = |plugin: &&Installed| {
            matches!(&plugin.manifest, Some(Ok(manifest)) if manifest.id == id)
                || plugin.folder == id
        };
        if installed.iter().any(|plugin| is(&plugin)) {
            return;
        }
        let line = self.line(plugins::ENABLED, id);
        self.found(
            Rule::PluginAbsent,
            plugins::ENABLED,
            line,
            format!("`{id}` is switched on and not there"),
            "install it in Obsidian (Settings → Community plugins), or from a plugin pack with \
             `ubos-sync vault init --plugins DIR`; or take it out of the list",
        );
    }

    fn installed(&mut self, plugin: &Installed, enabled: &[String]) {
        let folder = format!("{}/{}", plugins::FOLDER, plugin.folder);
        let again = "remove its folder and install it anew in Obsidian";
        let broken = match &plugin.manifest {
            None => Some("it has no `manifest.json`, so Obsidian passes it over".to_owned()),
            Some(Err(why)) => Some(format!("its `manifest.json` cannot be read: {why}")),
            Some(Ok(manifest)) if manifest.id != plugin.folder => {
                Some(format!("its id is `{}`, and its folder is not named so", manifest.id))
            }
            Some(Ok(_)) if !plugin.has_program => Some("it has no `main.js`".to_owned()),
            Some(Ok(_)) => None,
        };
        let is_whole = broken.is_none();
        if let Some(what) = broken {
            self.found(Rule::PluginBroken, &folder, None, what, again);
        }
        if is_whole && !enabled.contains(&plugin.folder) {
            let what = "it is there and not switched on".to_owned();
            let remedy = "switch it on in Obsidian, or remove it; it travels with every sync";
            self.found(Rule::PluginOff, &folder, None, what, remedy);
        }
        let data = format!("{folder}/data.json");
        let Some(settings) = self.settings(&data) else { return };
        let path = format!("{}/{data}", self.config_dir);
        let bytes = self.files.read(&path).ok().flatten().filter(|_| (self.syncs)(&path));
        let keys = bytes.map(|bytes| secrets::held(&bytes)).unwrap_or_default();
        if !keys.is_empty() {
            let line = keys.first().and_then(|key| self.line(&data, key.rsplit('.').next()?));
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            let what = format!("a secret stands under {}", keys.join(", "));
            let remedy = "keep it out of the sync (`ubos-sync vault init` adds the line) and out of \
                          git; change it if it was pushed";
            self.found(Rule::PluginSecret, &data, line, what, remedy);
        }
        let fights = if plugin.folder == tame::ID { tame::fights(&settings) } else { Vec::new() };
        if !fights.is_empty() {
            let line = fights.first().and_then(|(key, _)| self.line(&data, key));
            let does: Vec<&str> = fights.iter().map(|(_, does)| does.as_str()).collect();
            let what = format!("it {}", does.join(", "));
            let remedy = "`ubos-sync vault init --tame-git` lets one only commit, pull and push";
            self.found(Rule::GitPlugin, &data, line, what, remedy);
        }
    }
}
