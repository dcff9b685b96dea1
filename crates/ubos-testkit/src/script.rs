//! Programs that a test makes for itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Copies a program, which can be executed at once.
///
/// A child process does it: while this one had the file open for writing, another thread could
/// start a process that inherits it, and the kernel refuses to execute what is open for writing.
///
/// # Panics
/// If it cannot be copied.
pub fn copy_program(from: &Path, to: &Path) {
    // The name must not exist: writing into a program that runs is refused too.
    let _ = fs::remove_file(to);
    let copied = Command::new("cp").arg(from).arg(to).status().expect("every system has `cp`");
    assert!(copied.success(), "{} cannot be copied", from.display());
}

/// Makes a shell script of these lines, which can be executed at once.
///
/// # Panics
/// If it cannot be written.
pub fn write_script(path: &Path, lines: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, format!("#!/bin/sh\n{lines}\n")).expect("a folder of the test");
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).expect("a file of the test");
    copy_program(&draft, path);
    fs::remove_file(&draft).expect("it has just been written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_runs_and_can_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("say");
        for word in ["one", "two"] {
            write_script(&path, &format!("echo {word} $1"));
            let output = Command::new(&path).arg("x").output().unwrap();
            assert_eq!(output.stdout, format!("{word} x\n").into_bytes());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
