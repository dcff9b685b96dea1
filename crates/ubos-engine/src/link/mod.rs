//! How the agent of a peer is reached: over ssh, or as a child process on this machine. One
//! connection a run.

mod address;
mod advice;
pub mod ask;
pub mod install;
pub mod reach;

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::agent::channel::Channel;
use crate::agent::handshake;
use crate::agent::message::{Hello, Machine, PROTOCOL, Purpose, Standing, Welcome};
use crate::clock;
use crate::error::{EngineError, Result};
use crate::state::config::Peer;

pub use address::Address;
pub use advice::{cause, is_agent_missing};

/// Options of every ssh: never a prompt, never a forwarding, a dead link noticed within 45 s. No
/// shared master connection: a stopped one hangs its clients past all time limits.
const SSH_OPTIONS: [&str; 12] = [
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ConnectionAttempts=1",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "StrictHostKeyChecking=yes",
    "ControlMaster=no",
    "ControlPath=none",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    "EscapeChar=none",
];
/// The agent where the peer's PATH has it.
pub const AGENT: &str = "ubos-sync agent";
/// The agent where `init` puts it.
pub const INSTALLED_AGENT: &str = ".local/bin/ubos-sync agent";
/// Most bytes of a child's standard error that are kept.
const MAX_STDERR: u64 = 64 << 10;
/// How long a child may take to end after its pipes were closed.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where a peer is and how its agent is started.
#[derive(Debug, Clone)]
pub struct Target {
    /// The peer's name, for messages.
    pub peer: String,
    /// Its address.
    pub address: Address,
    /// The command that starts the agent, over ssh.
    pub agent: Option<String>,
    /// This program, for an agent on this machine.
    pub program: PathBuf,
    /// This program's build, for the handshake.
    pub build: String,
    /// Whether the connection is to outlast a Ctrl-C and a terminal that closes: this program acts
    /// upon those itself.
    pub apart: bool,
}

impl Target {
    /// The peer `name` as the configuration has it, for the program at `program`, whose build is
    /// `build`.
    ///
    /// # Errors
    /// [`EngineError::Config`] if there is no address, or none that can be understood.
    pub fn of((name, peer): (&str, &Peer), (program, build): (&Path, &str)) -> Result<Target> {
        let address = peer.address.as_ref().ok_or_else(|| EngineError::Config {
            message: format!("this side has no address for {name}"),
            hint: Some(
                "start the sync on the other machine, or set `address` in `.ubos-sync/config.toml`"
                    .into(),
            ),
        })?;
        Ok(Target {
            peer: name.to_owned(),
            address: Address::parse(address).map_err(EngineError::config)?,
            agent: peer.agent.clone(),
            program: program.to_owned(),
            build: build.to_owned(),
            apart: false,
        })
    }
}

/// A running agent and the connection to it.
pub struct Link {
    channel: Option<Channel>,
    child: Option<Child>,
    stderr: Arc<Mutex<Vec<u8>>>,
    collector: Option<JoinHandle<()>>,
    target: Target,
    noise: Vec<u8>,
}

/// What an agent said in the handshake.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// The version of the protocol that both speak.
    pub protocol: u32,
    /// Its build.
    pub build: String,
    /// Its machine.
    pub machine: Machine,
    /// Seconds that its clock is ahead, less the time that its answer took.
    pub clock_offset: f64,
    /// How its territory stands.
    pub standing: Option<Box<Standing>>,
    /// What the remote shell printed before the agent answered.
    pub noise: Vec<u8>,
}

impl Link {
    /// Starts the agent, without saying anything to it yet.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] if the child cannot be started.
    pub fn start(target: &Target) -> Result<Link> {
        let mut command = command(target);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for name in ["RSYNC_RSH", "RSYNC_CONNECT_PROG", "RSYNC_PROXY"] {
            command.env_remove(name);
        }
        if target.apart {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|e| EngineError::Unreachable {
            message: format!(
                "`{}` cannot be started: {e}",
                command.get_program().to_string_lossy()
            ),
            hint: Some("install the OpenSSH client".into()),
        })?;
        let input = child.stdout.take().map(OwnedFd::from).expect("stdout is piped");
        let output = child.stdin.take().map(OwnedFd::from).expect("stdin is piped");
        let pipe = child.stderr.take().expect("stderr is piped");
        let mut link = Self::over(input, output, target)?;
        let kept = Arc::clone(&link.stderr);
        link.collector = Some(std::thread::spawn(move || collect(pipe, &kept)));
        link.child = Some(child);
        Ok(link)
    }

    /// A link to an agent that is already there, at the other end of two pipes.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] if the pipes cannot be used.
    pub fn over(input: OwnedFd, output: OwnedFd, target: &Target) -> Result<Link> {
        let channel = Channel::new(input, output)
            .map_err(|e| EngineError::unreachable(format!("cannot set up a pipe: {e}")))?;
        Ok(Link {
            channel: Some(channel),
            child: None,
            stderr: Arc::default(),
            collector: None,
            target: target.clone(),
            noise: Vec::new(),
        })
    }

    /// Says hello, without waiting for an answer.
    pub fn hello(&mut self, purpose: Purpose) {
        let hello = Hello {
            protocol: PROTOCOL,
            build: self.target.build.clone(),
            root: self.target.address.root().as_os_str().as_bytes().to_vec(),
            purpose,
        };
        // A failure shows, with its reason, when the answer is read.
        let _ = self.say_hello(&hello);
    }

    fn say_hello(&mut self, hello: &Hello) -> io::Result<()> {
        let mut writer = self.channel().writer();
        writer.raw(handshake::MAGIC)?;
        writer.message(hello)?;
        writer.flush()
    }

    /// Waits for the agent's answer.
    ///
    /// # Errors
    /// [`EngineError::Unreachable`] with what ssh said, or what the agent refused.
    pub fn greet(&mut self) -> Result<Greeting> {
        let read = handshake::read_magic(self.channel().reader.raw());
        self.noise = read.map_err(|e| self.explain(&e))?;
        let welcome = self.channel().reader.message().map_err(|e| self.explain(&e))?;
        match welcome {
            Welcome::Ready { protocol, build, machine, standing } => {
                self.channel().start_heartbeat();
                let clock_offset = (machine.clock - clock::now_ns()) as f64 / 1e9;
                let noise = self.noise.clone();
                Ok(Greeting { protocol, build, machine, clock_offset, standing, noise })
            }
            Welcome::Refused(failure) => Err(failure.into_error(&self.target.peer)),
        }
    }

    /// This program, for what it has to start itself.
    pub fn program(&self) -> &std::path::Path {
        &self.target.program
    }

    /// The connection.
    pub fn channel(&mut self) -> &mut Channel {
        self.channel.as_mut().expect("the channel is there until the link is dropped")
    }

    /// Bytes that crossed, both ways.
    pub fn wire_bytes(&self) -> u64 {
        self.channel.as_ref().map_or(0, |c| c.reader.received() + c.writer().sent())
    }

    /// What a failure of the connection means, from what ssh said and how it ended.
    pub fn explain(&mut self, error: &io::Error) -> EngineError {
        if error.kind() == io::ErrorKind::TimedOut {
            return EngineError::Unreachable {
                message: format!("{} has been silent for too long", self.target.peer),
                hint: Some(
                    "check the network and the other machine; the next run carries on".into(),
                ),
            };
        }
        let status = self.wait(FAREWELL);
        self.hear_out(FAREWELL);
        let stderr = self.stderr.lock().expect("no holder of this lock panics");
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        advice::explain(&self.target, status.and_then(|s| s.code()), &stderr, error)
    }

    /// Waits until all that the child said was read; what it started may still hold the pipe.
    fn hear_out(&self, limit: Duration) {
        let start = Instant::now();
        let Some(collector) = &self.collector else { return };
        while !collector.is_finished() && start.elapsed() < limit {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn wait(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        let child = self.child.as_mut()?;
        let start = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(2)),
                _ => return None,
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // Closing the pipes ends the agent, and with it ssh.
        drop(self.channel.take());
        if self.wait(FAREWELL).is_none()
            && let Some(child) = &mut self.child
        {
            // Already gone is as good as killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts an agent and greets it; over ssh, if the peer's PATH has no agent, the place where `init`
/// installs it is tried too. Returns the command that worked.
///
/// # Errors
/// As [`Link::start`] and [`Link::greet`].
pub fn connect(target: &Target, purpose: &Purpose) -> Result<(Link, Greeting, Option<String>)> {
    let mut link = Link::start(target)?;
    link.hello(purpose.clone());
    match link.greet() {
        Ok(greeting) => Ok((link, greeting, target.agent.clone())),
        Err(error) if target.agent.is_none() => {
            let (link, greeting) = connect_installed(target, purpose, error)?;
            Ok((link, greeting, Some(INSTALLED_AGENT.to_owned())))
        }
        Err(error) => Err(error),
    }
}

/// Tries the place where `init` installs the agent, if `first` says that the PATH has none.
///
/// # Errors
/// `first`, if that was something else or there is no agent there either.
pub fn connect_installed(
    target: &Target,
    purpose: &Purpose,
    first: EngineError,
) -> Result<(Link, Greeting)> {
    if !advice::is_agent_missing(&first) {
        return Err(first);
    }
    let installed = Target { agent: Some(INSTALLED_AGENT.to_owned()), ..target.clone() };
    let mut link = Link::start(&installed)?;
    link.hello(purpose.clone());
    match link.greet() {
        Ok(greeting) => Ok((link, greeting)),
        Err(second) if advice::is_agent_missing(&second) => Err(first),
        Err(second) => Err(second),
    }
}

fn command(target: &Target) -> Command {
    match &target.address {
        Address::Local(_) => {
            let mut command = Command::new(&target.program);
            command.arg("agent");
            command
        }
        Address::Ssh { user, host, port, .. } => {
            let mut command = ssh(port.as_ref());
            let host = user.as_ref().map_or(host.clone(), |user| format!("{user}@{host}"));
            command.arg("--").arg(host).arg(target.agent.as_deref().unwrap_or(AGENT));
            command
        }
    }
}

/// An ssh with the options of every connection; host and command are still to be added.
pub fn ssh(port: Option<&u16>) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-T");
    for option in SSH_OPTIONS {
        command.arg("-o").arg(option);
    }
    if let Some(port) = port {
        command.arg("-p").arg(port.to_string());
    }
    command
}

/// Keeps the beginning of what a child says on standard error, and reads on so that it never blocks.
fn collect(mut pipe: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0u8; 4096];
    while let Ok(n) = pipe.read(&mut buffer) {
        if n == 0 {
            return;
        }
        let mut kept = kept.lock().expect("no holder of this lock panics");
        if (kept.len() as u64) < MAX_STDERR {
            kept.extend_from_slice(&buffer[..n]);
        }
    }
}

/// The first line of `rsync --version`, if there is an rsync.
pub fn rsync_version() -> Option<String> {
    let output = Command::new("rsync").arg("--version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(str::to_owned).filter(|line| !line.is_empty())
}

/// What `ssh -V` says, if there is an ssh.
pub fn ssh_version() -> Option<String> {
    let output = Command::new("ssh").arg("-V").stdin(Stdio::null()).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said).trim().to_owned();
    (!text.is_empty()).then_some(text)
}
