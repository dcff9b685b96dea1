//! What the numbers were taken on: without it they mean nothing.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The description, a line each. `work` is the folder that holds the trees.
pub(crate) fn describe(work: &Path, binary: Option<&Path>) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        format!("date: {}", jiff::Zoned::now().date()),
        format!("machine: {}, {cores} cores", cpu_model()),
        format!("kernel: {}", first_line("uname", &["-srm"])),
        format!("file system: {}", file_system(work)),
        format!("load average at the start: {}", load()),
        format!("ssh: {}", first_line("ssh", &["-V"])),
        format!("rsync: {}", first_line("rsync", &["--version"])),
        format!("unison: {}", first_line("unison", &["-version"])),
        match binary {
            Some(binary) => {
                format!("ubos-sync: {}", first_line(&binary.to_string_lossy(), &["--version"]))
            }
            None => "ubos-sync: **not measured**, no binary was found".to_owned(),
        },
    ]
}

/// Whether `program` can be started.
pub(crate) fn is_installed(program: &str, version_flag: &str) -> bool {
    Command::new(program)
        .arg(version_flag)
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|output| output.status.success())
}

fn cpu_model() -> String {
    fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| first_line("sysctl", &["-n", "machdep.cpu.brand_string"]))
}

/// The type of the file system that holds `path`: that of the longest mount point above it.
fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            Some((Path::new(fields.next()?), fields.next()?))
        })
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.components().count())
        .map_or("unknown".to_owned(), |(_, kind)| kind.to_owned())
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// The first line that a program says about itself; ssh says it on standard error.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let said = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let Ok(output) = said else { return "absent".to_owned() };
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}
