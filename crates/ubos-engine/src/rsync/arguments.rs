//! Arguments of rsync's two halves: what our client passes, and which words of the server half the
//! agent lets through. Only options that every rsync of the last twenty years knows, openrsync
//! among them.

use std::ffi::OsString;
use std::path::Path;

/// Seconds after which a silent rsync gives up.
const TIMEOUT: u32 = 40;

/// The client's arguments: everything but source and destination. The name of the file goes to
/// standard input, ended by NUL.
pub fn client(shell: &str) -> Vec<OsString> {
    let timeout = format!("--timeout={TIMEOUT}");
    ["-t", "-I", "--partial", "--no-whole-file", "--files-from=-", "--from0", &timeout, "-e", shell]
        .into_iter()
        .map(OsString::from)
        .collect()
}

/// The client's two places, local and remote, in the order for this direction.
pub fn places(local: &Path, send: bool) -> [OsString; 2] {
    let mut own = local.as_os_str().to_owned();
    own.push("/");
    let other = OsString::from("peer:box/");
    if send { [own, other] } else { [other, own] }
}

/// The words after the host that a client hands to its remote shell, reduced to what the server
/// half may be started with; the folder is always the one it is started in.
///
/// # Errors
/// The word that is not let through.
pub fn server(words: &[String], expected_sender: bool) -> Result<Vec<String>, String> {
    let mut words = words.iter();
    if words.next().map(String::as_str) != Some("rsync")
        || words.next().map(String::as_str) != Some("--server")
    {
        return Err("not a server".into());
    }
    let mut passed = vec!["--server".to_owned()];
    let mut sender = false;
    for word in words {
        match word.as_str() {
            "." => break,
            "--sender" => sender = true,
            "--partial" | "--from0" | "--files-from=-" => {}
            word if word.starts_with("--timeout=")
                && word[10..].bytes().all(|b| b.is_ascii_digit()) => {}
            word if is_letters(word) => {}
            word => return Err(word.to_owned()),
        }
        passed.push(word.clone());
    }
    if sender != expected_sender {
        return Err("wrong direction".into());
    }
    passed.extend([".".to_owned(), ".".to_owned()]);
    Ok(passed)
}

/// Single-letter options: keep times, ignore the quick check, be verbose, and what a list of files
/// implies (relative names, folders without their content: there are none in a box); then `e` with the client's
/// capabilities.
fn is_letters(word: &str) -> bool {
    let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
        return false;
    };
    let (options, capabilities) = letters.split_once('e').unwrap_or((letters, ""));
    options.bytes().all(|b| b"tIvRd".contains(&b))
        && capabilities.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_server_half_gets_its_own_folder_whatever_the_client_says() {
        let asked = words("rsync --server -tIRe.LsfxCIvu --partial --timeout=40 . /etc/");
        let passed = server(&asked, false).unwrap();
        assert_eq!(passed.join(" "), "--server -tIRe.LsfxCIvu --partial --timeout=40 . .");
        assert!(server(&asked, true).is_err());
    }

    #[test]
    fn what_could_reach_further_is_refused() {
        for word in [
            "--delete",
            "-r",
            "--inplace",
            "--daemon",
            "--log-file=/x",
            "-e",
            "--files-from=/etc/passwd",
            "--timeout=x",
        ] {
            let asked = words(&format!("rsync --server {word} . box"));
            assert_eq!(server(&asked, false).is_ok(), word == "-e", "{word}");
        }
        assert!(server(&words("sh -c id"), false).is_err());
    }
}
