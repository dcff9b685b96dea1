//! A throw-away ssh server on the loopback address, with keys and configuration of its own.
//!
//! Nothing of the user's ssh set-up is read or changed: a wrapper named `ssh`, first in PATH, adds
//! the private client configuration, and the server gives each session the PATH under test.

use std::fs;
use std::io::{self, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// A running server; dropping it ends the server.
pub(crate) struct Sshd {
    server: Child,
    port: u16,
    user: String,
    wrapper: PathBuf,
}

impl Sshd {
    /// Starts a server with its files in `dir`. A session finds programs in `programs` first, and
    /// keeps unison's archives in `archives`.
    pub(crate) fn start(dir: &Path, programs: &Path, archives: &Path) -> Result<Self> {
        let sshd = find_program("sshd").context("sshd is not installed (openssh-server)")?;
        let ssh = find_program("ssh").context("ssh is not installed (openssh-client)")?;
        fs::create_dir_all(dir)?;
        let port = free_port()?;
        let user = user_name()?;
        make_keys(dir)?;
        make_privilege_folder()?;
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
        fs::write(dir.join("sshd_config"), server_config(dir, port, &path, archives))?;
        fs::write(dir.join("ssh_config"), client_config(dir, port, &user))?;
        let wrapper = write_wrapper(dir, &ssh)?;
        let log = fs::File::create(dir.join("sshd.log"))?;
        let server = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(dir.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start sshd")?;
        let mut started = Self { server, port, user, wrapper };
        started.wait_until_ready(dir)?;
        Ok(started)
    }

    /// `user@127.0.0.1`.
    pub(crate) fn destination(&self) -> String {
        format!("{}@127.0.0.1", self.user)
    }

    /// `ssh://user@127.0.0.1:port`, to which an absolute path may be added.
    pub(crate) fn url(&self) -> String {
        format!("ssh://{}@127.0.0.1:{}", self.user, self.port)
    }

    /// The `ssh` that knows this server.
    pub(crate) fn ssh(&self) -> &Path {
        &self.wrapper
    }

    /// The process id of the listening server.
    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    fn wait_until_ready(&mut self, dir: &Path) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.server.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("sshd did not start:\n{}", log_tail(dir));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let login = Command::new(&self.wrapper)
            .args(["127.0.0.1", "true"])
            .stdin(Stdio::null())
            .output()
            .context("cannot run ssh")?;
        if !login.status.success() {
            let said = String::from_utf8_lossy(&login.stderr);
            bail!("cannot log in to the throw-away sshd: {said}\n{}", log_tail(dir));
        }
        Ok(())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where `name` is, also outside a normal user's PATH.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn free_port() -> io::Result<u16> {
    // RACE: another program may take the port before sshd does; sshd then fails to start and says so.
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn user_name() -> Result<String> {
    let output = Command::new("id").arg("-un").output().context("cannot run id")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn make_keys(dir: &Path) -> Result<()> {
    for name in ["host_key", "user_key"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(dir.join(name))
            .stdin(Stdio::null())
            .status()
            .context("cannot run ssh-keygen")?;
        if !made.success() {
            bail!("ssh-keygen could not make {name}");
        }
    }
    fs::copy(dir.join("user_key.pub"), dir.join("authorized_keys"))?;
    let host_key = fs::read_to_string(dir.join("host_key.pub"))?;
    fs::write(dir.join("known_hosts"), format!("* {host_key}"))?;
    Ok(())
}

/// Started as root, sshd wants a folder that packages make only at boot.
fn make_privilege_folder() -> Result<()> {
    if cfg!(target_os = "linux") && rustix::process::geteuid().is_root() {
        fs::create_dir_all("/run/sshd").context("cannot make /run/sshd")?;
    }
    Ok(())
}

fn server_config(dir: &Path, port: u16, path: &str, archives: &Path) -> String {
    let (dir, archives) = (dir.display(), archives.display());
    format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {dir}/host_key\nPidFile none\n\
         AuthorizedKeysFile {dir}/authorized_keys\nStrictModes no\nUsePAM no\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
         MaxStartups 100\nUseDNS no\nPrintMotd no\nLogLevel ERROR\n\
         SetEnv PATH={path} UNISON={archives}\n"
    )
}

fn client_config(dir: &Path, port: u16, user: &str) -> String {
    let dir = dir.display();
    format!(
        "Host *\n  Port {port}\n  User {user}\n  IdentityFile {dir}/user_key\n  IdentitiesOnly yes\n  \
         IdentityAgent none\n  UserKnownHostsFile {dir}/known_hosts\n  GlobalKnownHostsFile /dev/null\n  \
         StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n"
    )
}

fn write_wrapper(dir: &Path, ssh: &Path) -> Result<PathBuf> {
    let folder = dir.join("bin");
    fs::create_dir_all(&folder)?;
    let wrapper = folder.join("ssh");
    let config = dir.join("ssh_config");
    fs::write(
        &wrapper,
        format!("#!/bin/sh\nexec '{}' -F '{}' \"$@\"\n", ssh.display(), config.display()),
    )?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    Ok(wrapper)
}

fn log_tail(dir: &Path) -> String {
    let mut log = String::new();
    if let Ok(mut file) = fs::File::open(dir.join("sshd.log")) {
        // A log that is not text adds nothing to the message.
        let _ = file.read_to_string(&mut log);
    }
    log
}
