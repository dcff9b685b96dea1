//! A repository to test with.

use std::process::Command;

use super::command::{Git, clean};

/// A new bare repository; it goes when the folder is dropped.
pub(crate) fn repository() -> (tempfile::TempDir, Git) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let dir = folder.path().join("r.git");
    let mut init = Command::new("git");
    clean(&mut init);
    let made = init.args(["init", "--quiet", "--bare"]).arg(&dir).status();
    assert!(made.is_ok_and(|status| status.success()), "git init");
    (folder, Git::at(dir))
}
