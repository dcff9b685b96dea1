//! Who a user is: name and home folder.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ubos_engine::error::EngineError;

use super::order::User;

/// The user who runs this program. The home folder is the one that the environment names.
pub(crate) fn me() -> User {
    let uid = rustix::process::getuid().as_raw();
    let known = by_number(uid);
    let named = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    User { home: named.unwrap_or(known.home), name: known.name }
}

/// The user to whom a folder belongs.
///
/// # Errors
/// If the folder cannot be looked at.
pub(crate) fn owner(folder: &Path) -> Result<(u32, User), EngineError> {
    let meta = std::fs::metadata(folder).map_err(|e| EngineError::io("look at", folder, e))?;
    Ok((meta.uid(), by_number(meta.uid())))
}

/// Asks the system's list of users, which may be more than a file. Who is on no list keeps the
/// number, which systemd takes as well.
fn by_number(uid: u32) -> User {
    let number = uid.to_string();
    let listed = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    find(&listed, uid).or_else(|| find(&ask("getent", &["passwd", &number]), uid)).unwrap_or_else(
        || {
            // A Mac keeps its users elsewhere, and has no `getent`.
            let name = ask("id", &["-un", &number]).trim().to_owned();
            let name = if name.is_empty() { number } else { name };
            User { name, home: PathBuf::from("/") }
        },
    )
}

/// What a program says; nothing where it fails or is missing.
fn ask(program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stderr(Stdio::null());
    let said = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said).into_owned()
}

fn find(list: &str, uid: u32) -> Option<User> {
    let mut users = list.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let user = users.find(|user| user.len() >= 6 && user[2].parse() == Ok(uid))?;
    Some(User { name: user[0].to_owned(), home: user[5].into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let list =
            "root:x:0:0:root:/root:/bin/bash\nbroken\njanus:x:1001:1001::/srv/janus:/bin/sh\n";
        let janus = User { name: "janus".into(), home: "/srv/janus".into() };
        assert_eq!(find(list, 1001), Some(janus));
        assert_eq!(find(list, 100), None);
    }
}
