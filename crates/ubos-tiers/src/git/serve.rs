//! What git starts at the far end of a push or fetch: `receive-pack` or `upload-pack` for the mirror
//! of a pair.
//!
//! The login is the authority: whoever may start this program over ssh may start any other as that
//! user, so no list of known pairs is kept. What is held is that nothing but a mirror can be named:
//! the only word that is taken is the id of a pair. A mirror comes into being by the first push; a
//! fetch makes none.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::command::clean;
use super::error::{BackupError, Result};
use super::mirror::{self, Mirrors};

/// Which half of git's conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Takes a push.
    Receive,
    /// Gives a fetch.
    Upload,
}

/// What must hold for a mirror even if its own settings were changed.
const SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "gc.auto=0",
    "receive.autogc=false",
    "receive.denyNonFastForwards=true",
    "receive.denyDeletes=true",
    "receive.denyCurrentBranch=ignore",
    "receive.unpackLimit=1",
    "transfer.fsckObjects=true",
];

/// Becomes git, for the mirror that `place` names: `/` and the id of a pair. Returns only if that
/// fails.
///
/// # Errors
/// [`BackupError::Usage`] for anything else than such a name, [`BackupError::NoRepository`] if there
/// is nothing to fetch from, and what the system says.
pub fn serve(service: Service, place: &str, mirrors: &Mirrors) -> Result<std::convert::Infallible> {
    let mut command = command(service, place, mirrors)?;
    let error = command.exec();
    Err(BackupError::NoGit { message: format!("`git` cannot be started: {error}") })
}

fn command(service: Service, place: &str, mirrors: &Mirrors) -> Result<Command> {
    let pair = place.strip_prefix('/').unwrap_or(place);
    let git = match service {
        Service::Receive => mirrors.make(pair)?,
        Service::Upload => mirrors.open(pair)?.ok_or_else(|| BackupError::NoRepository {
            message: "there is no mirror of this pair on this machine yet".into(),
            hint: "`ubos-sync backup push` on the laptop makes it".into(),
        })?,
    };
    mirror::settle_head(&git)?;
    let word = match service {
        Service::Receive => "receive-pack",
        Service::Upload => "upload-pack",
    };
    let mut command = Command::new("git");
    clean(&mut command);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command.arg(word).arg(git.dir()).current_dir(Path::new("/"));
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_fetch_makes_no_mirror_and_a_push_does() {
        let data = tempfile::tempdir().unwrap();
        let mirrors = Mirrors::below(data.path());
        let place = format!("/{PAIR}");
        let error = command(Service::Upload, &place, &mirrors).unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), ("no-repository", 2));
        let receive = command(Service::Receive, &place, &mirrors).unwrap();
        let words: Vec<_> = receive.get_args().map(|word| word.to_string_lossy()).collect();
        assert_eq!(words[words.len() - 2], "receive-pack");
        assert!(words[words.len() - 1].ends_with(&format!("/{PAIR}.git")), "{words:?}");
        assert!(command(Service::Upload, &place, &mirrors).is_ok());
    }

    #[test]
    fn nothing_but_a_mirror_can_be_named() {
        let data = tempfile::tempdir().unwrap();
        let mirrors = Mirrors::below(data.path());
        let outside = format!("/../{PAIR}");
        let option = format!("--{}", &PAIR[2..]);
        for bad in ["/", "", "/tmp", "//", &outside, &option, &format!("/{PAIR}/")] {
            for service in [Service::Receive, Service::Upload] {
                let error = command(service, bad, &mirrors).unwrap_err();
                assert_eq!(error.kind(), "usage", "{bad}");
            }
        }
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    }
}
