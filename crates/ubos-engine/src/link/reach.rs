//! Why a peer was not reached: a look at the network, made only after a run has failed.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Address;
use crate::fs::platform;

/// All looking together takes no longer.
const LIMIT: Duration = Duration::from_secs(3);

/// The cause as a word of the audit log: `no-default-route`, `name-not-resolved`, `refused`,
/// `timed-out`, `no-route`, `port-answers` (the network is there, so the connection or the other
/// end broke), or `unknown` (the way leads over another host, or the peer is on this machine).
pub fn look(address: &Address) -> &'static str {
    let Address::Ssh { host, port, .. } = address else { return "unknown" };
    let Some((host, port)) = place(host, *port) else { return "unknown" };
    let until = Instant::now() + LIMIT;
    let found = resolve(host, port);
    let seen = match found {
        None => "name-not-resolved",
        Some(addresses) => connect(&addresses, until),
    };
    // Without a way out everything fails somehow; a host on the same network does not need one.
    let explained = matches!(seen, "refused" | "port-answers");
    if !explained && platform::has_default_route() == Some(false) {
        return "no-default-route";
    }
    seen
}

/// Host and port as ssh's own configuration has them; `None` where the way leads over another host.
fn place(host: &str, port: Option<u16>) -> Option<(String, u16)> {
    let asked = Command::new("ssh").args(["-G", "--", host]).stdin(Stdio::null()).output();
    let said = asked.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    let said = said.unwrap_or_default();
    let value = |key: &str| {
        let mut lines = said.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == key).map(|(_, value)| value.to_owned())
    };
    let by_way = |key: &str| value(key).is_some_and(|way| way != "none");
    if by_way("proxycommand") || by_way("proxyjump") {
        return None;
    }
    let configured = value("port").and_then(|port| port.parse().ok());
    Some((value("hostname").unwrap_or_else(|| host.to_owned()), port.or(configured).unwrap_or(22)))
}

/// The addresses of a name; `None` if it has none or nobody answers in time.
fn resolve(host: String, port: u16) -> Option<Vec<SocketAddr>> {
    let (tell, told) = mpsc::channel();
    // A resolver knows no time limit; one that hangs is left behind and ends with the process.
    std::thread::spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody may be waiting any more.
        let _ = tell.send(found.unwrap_or_default());
    });
    told.recv_timeout(LIMIT).ok().filter(|addresses| !addresses.is_empty())
}

fn connect(addresses: &[SocketAddr], until: Instant) -> &'static str {
    let mut seen = "timed-out";
    for address in addresses {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(address, left) {
            Ok(_) => return "port-answers",
            Err(error) => {
                seen = match error.kind() {
                    ErrorKind::ConnectionRefused => "refused",
                    ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => "no-route",
                    _ => "timed-out",
                };
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_open_port_a_closed_one_and_a_name_that_is_none_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let at =
            |host: &str, port| look(&Address::parse(&format!("ssh://{host}:{port}/srv")).unwrap());
        assert_eq!(at("127.0.0.1", port), "port-answers");
        drop(listener);
        assert_eq!(at("127.0.0.1", port), "refused");
        // `.invalid` never resolves; without a network that is the nearer cause.
        let unknown = at("ubos.invalid", port);
        assert!(["name-not-resolved", "no-default-route"].contains(&unknown), "{unknown}");
        assert_eq!(look(&Address::parse("/srv").unwrap()), "unknown");
    }
}
