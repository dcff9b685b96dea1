//! `Proxy`: a TCP relay in a thread that cuts or stalls a connection after so many bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It is closed after this many bytes, both directions together.
    CutAfter(u64),
    /// Nothing passes any more after this many bytes, and it stays open.
    StallAfter(u64),
}

/// What the threads of a relay share.
struct Shared {
    limit: AtomicU64,
    stall: AtomicBool,
    passed: AtomicU64,
    closing: AtomicBool,
}

/// A relay from a free port of 127.0.0.1 to another port. Dropping it closes it.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Opens a relay to `target`, without a fault.
    ///
    /// # Panics
    /// If no port can be opened.
    pub fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port of 127.0.0.1");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared {
            limit: AtomicU64::new(u64::MAX),
            stall: AtomicBool::new(false),
            passed: AtomicU64::new(0),
            closing: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if for_thread.closing.load(Ordering::SeqCst) {
                    break;
                }
                relay(client, target, &for_thread);
            }
        });
        Self { port, shared }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets what happens from now on, counting bytes from zero. A stalled connection goes on if
    /// the fault is taken back.
    pub fn set(&self, fault: Fault) {
        self.shared.passed.store(0, Ordering::SeqCst);
        let (limit, stall) = match fault {
            Fault::None => (u64::MAX, false),
            Fault::CutAfter(bytes) => (bytes, false),
            Fault::StallAfter(bytes) => (bytes, true),
        };
        self.shared.stall.store(stall, Ordering::SeqCst);
        self.shared.limit.store(limit, Ordering::SeqCst);
    }

    /// Bytes that passed since the last [`Proxy::set`], both directions together.
    pub fn passed(&self) -> u64 {
        self.shared.passed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
    }
}

fn relay(client: TcpStream, target: u16, shared: &Arc<Shared>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
        return;
    };
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
            return;
        };
        let shared = Arc::clone(shared);
        thread::spawn(move || pump(from, to, &shared));
    }
}

/// Moves bytes one way until an end or a fault.
fn pump(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let before = shared.passed.fetch_add(count as u64, Ordering::SeqCst);
        let allowed = shared.limit.load(Ordering::SeqCst).saturating_sub(before);
        let now = usize::try_from(allowed).unwrap_or(usize::MAX).min(count);
        if to.write_all(&buffer[..now]).is_err() {
            break;
        }
        if now < count {
            if !shared.stall.load(Ordering::SeqCst) {
                let _ = from.shutdown(Shutdown::Both);
                break;
            }
            while shared.stall.load(Ordering::SeqCst) && !shared.closing.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(20));
            }
            if shared.closing.load(Ordering::SeqCst) || to.write_all(&buffer[now..count]).is_err() {
                break;
            }
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets, behind a relay.
    fn echo() -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut copy = stream.try_clone().unwrap();
                thread::spawn(move || {
                    let mut stream = stream;
                    std::io::copy(&mut stream, &mut copy)
                });
            }
        });
        Proxy::to(port)
    }

    /// Sends ten bytes and says how many came back within half a second.
    fn back(proxy: &Proxy) -> usize {
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        stream.write_all(b"0123456789").unwrap();
        let (mut total, mut buffer) = (0, [0; 10]);
        while total < 10 {
            match stream.read(&mut buffer) {
                Ok(count @ 1..) => total += count,
                _ => break,
            }
        }
        total
    }

    #[test]
    fn without_a_fault_everything_passes() {
        let proxy = echo();
        assert_eq!(back(&proxy), 10);
        assert_eq!(proxy.passed(), 20);
    }

    #[test]
    fn a_cut_and_a_stall_come_after_so_many_bytes() {
        for fault in [Fault::CutAfter(14), Fault::StallAfter(14)] {
            let proxy = echo();
            proxy.set(fault);
            assert_eq!(back(&proxy), 4, "{fault:?}");
            proxy.set(Fault::None);
            assert_eq!(back(&proxy), 10, "{fault:?} taken back");
        }
    }
}
