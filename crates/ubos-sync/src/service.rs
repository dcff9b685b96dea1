//! What the service manager hears: that the watch is up, what it does, that it lives
//! (`sd_notify`). Without a manager that listens all of it is silent.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// A run may take this long before the manager takes it for dead; a connection that is silent is
/// given up long before.
const LONGEST_RUN: Duration = Duration::from_secs(6 * 3600);

/// The service manager.
#[derive(Debug)]
pub(crate) struct Service {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Service {
    /// The manager that `NOTIFY_SOCKET` names, if there is one.
    pub(crate) fn of_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name));
        let for_us =
            std::env::var("WATCHDOG_PID").map_or(true, |pid| pid.parse() == Ok(std::process::id()));
        let watchdog = std::env::var("WATCHDOG_USEC").ok().filter(|_| for_us && socket.is_some());
        let watchdog = watchdog.and_then(|text| text.parse().ok()).map(Duration::from_micros);
        Self { socket, watchdog: watchdog.filter(|limit| !limit.is_zero()) }
    }

    /// How long the manager waits for a sign of life.
    pub(crate) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The watch is up.
    pub(crate) fn ready(&self) {
        self.send("READY=1");
    }

    /// What it does, in words.
    pub(crate) fn status(&self, text: &str) {
        self.send(&format!("STATUS={}", text.replace('\n', " ")));
    }

    /// It lives.
    pub(crate) fn alive(&self) {
        if self.watchdog.is_some() {
            self.send("WATCHDOG=1");
        }
    }

    /// A run begins; what it does may take long, and it cannot show signs of life everywhere.
    pub(crate) fn runs(&self) {
        if self.watchdog.is_some() {
            self.send(&format!("WATCHDOG_USEC={}\nWATCHDOG=1", LONGEST_RUN.as_micros()));
        }
    }

    /// A run has ended.
    pub(crate) fn ran(&self) {
        if let Some(limit) = self.watchdog {
            self.send(&format!("WATCHDOG_USEC={}\nWATCHDOG=1", limit.as_micros()));
        }
    }

    /// The watch ends.
    pub(crate) fn stops(&self) {
        self.send("STOPPING=1");
    }

    fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            // A manager that does not listen any more cannot be told so.
            let _ = socket.send(text.as_bytes());
        }
    }
}

fn connect(name: &std::ffi::OsStr) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    match hidden(name) {
        Some(address) => socket.connect_addr(&address).ok()?,
        None => socket.connect(name).ok()?,
    }
    Some(socket)
}

/// The address of a socket that has a name but no file.
#[cfg(target_os = "linux")]
fn hidden(name: &std::ffi::OsStr) -> Option<std::os::unix::net::SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    let name = name.as_bytes().strip_prefix(b"@")?;
    std::os::unix::net::SocketAddr::from_abstract_name(name).ok()
}

#[cfg(not(target_os = "linux"))]
fn hidden(_name: &std::ffi::OsStr) -> Option<std::os::unix::net::SocketAddr> {
    None
}
