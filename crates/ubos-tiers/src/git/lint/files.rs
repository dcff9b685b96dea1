//! Files as they stand on disk, examined one after another.

use std::fs::File;
use std::io::{ErrorKind, Read};

use ubos_core::path::RelPath;
use ubos_engine::fs::Root;

use super::Lint;
use super::fault::{self, Fault};

/// Examines the regular files at `paths`; what is a link or is gone is passed over, and what cannot be
/// read is a fault of its own.
pub fn examine<'p>(
    root: &Root,
    paths: impl IntoIterator<Item = &'p RelPath>,
    lint: &Lint<'_>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for path in paths {
        match examine_one(root, path, lint) {
            Ok(found) => faults.extend(found),
            Err(e) if passes_over(&e) => {}
            Err(e) => faults.push(fault::unreadable(path, &e)),
        }
    }
    faults
}

fn examine_one(root: &Root, path: &RelPath, lint: &Lint<'_>) -> std::io::Result<Vec<Fault>> {
    let (handle, _) = root.open_file(path)?;
    let mut file = File::from(handle);
    let size = file.metadata()?.len();
    let known = lint.before_reading(path, size);
    let mut faults = known.faults;
    if known.enough {
        return Ok(faults);
    }
    let mut content = Vec::new();
    // It may grow while it is read, but not beyond what is read at all.
    (&mut file).take(lint.max_file).read_to_end(&mut content)?;
    faults.extend(lint.examine(path, &content));
    Ok(faults)
}

/// Whether the error says that no regular file is there.
fn passes_over(error: &std::io::Error) -> bool {
    let gone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    let codes = [rustix::io::Errno::LOOP, rustix::io::Errno::INVAL, rustix::io::Errno::ISDIR];
    gone || error
        .raw_os_error()
        .is_some_and(|code| codes.iter().any(|known| known.raw_os_error() == code))
}
