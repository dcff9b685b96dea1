//! A real, throw-away sshd on 127.0.0.1 between the two territories of a world.
//!
//! It runs as the user of the test on a free port, with its own host key and user key. The world
//! gets an `ssh` of its own first in `PATH`, which adds `-F` and nothing else, so that no file in
//! the home of the test's user is read or changed. On the far side `SetEnv` gives the session its
//! `PATH` and `HOME`, and a forced command makes it begin there, as a login begins in the home of
//! its user; the `ubos-sync` that is found there is a two-line script, so that a test can take it
//! away or let it print noise, whatever the login shell is.
//!
//! Where there is no sshd a test is skipped and says why; `UBOS_REQUIRE_SSHD=1` makes that a
//! failure.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::proxy::Proxy;
use crate::script::write_script;
use crate::world::{Side, World};

/// A running sshd with a relay in front of it. Dropping it ends it.
pub struct Sshd {
    daemon: Child,
    folder: PathBuf,
    binary: PathBuf,
    /// The relay that every connection goes through.
    pub proxy: Proxy,
}

impl Sshd {
    /// Starts one for `world`. `None`, with the reason printed, where that is not possible.
    ///
    /// # Panics
    /// If it is not possible although `UBOS_REQUIRE_SSHD` is set.
    pub fn start(world: &World) -> Option<Self> {
        match Self::try_start(world) {
            Ok(sshd) => Some(sshd),
            Err(why) => {
                let required = std::env::var_os("UBOS_REQUIRE_SSHD").is_some();
                assert!(!required, "no sshd to test with: {why}");
                eprintln!("skipped: no sshd to test with: {why}");
                None
            }
        }
    }

    fn try_start(world: &World) -> Result<Self, String> {
        let program = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .ok_or("it is not installed")?;
        let folder = world.base().join("ssh");
        let far_bin = folder.join("far-bin");
        fs::create_dir_all(&far_bin).map_err(|error| error.to_string())?;
        fs::create_dir_all(folder.join("far-home")).map_err(|error| error.to_string())?;
        for key in ["host_key", "user_key", "other_key"] {
            make_key(&folder.join(key))?;
        }
        let port = free_port();
        write_server_config(&folder, port);
        if rustix::process::geteuid().is_root() {
            // OpenSSH refuses to start as root without the folder that it gives its
            // unprivileged half to live in.
            fs::create_dir_all("/run/sshd").map_err(|error| format!("/run/sshd: {error}"))?;
        }
        let daemon = start_daemon(program, &folder)?;
        let proxy = Proxy::to(port);
        let sshd = Self { daemon, folder, binary: world.binary().to_owned(), proxy };
        sshd.install_agent("");
        sshd.write_client_config(world);
        sshd.trust("host_key");
        sshd.wait_until_it_answers(port)?;
        sshd.try_login(world)?;
        Ok(sshd)
    }

    /// The address of the server's folder, as `init` takes it.
    pub fn address(&self, world: &World) -> String {
        format!("balaur:{}", world.root(Side::Server).display())
    }

    /// The same address as a URL with the port.
    pub fn url(&self, world: &World) -> String {
        format!("ssh://balaur:{}{}", self.proxy.port(), world.root(Side::Server).display())
    }

    /// Puts the binary on the far side, behind `noise` on standard output.
    pub fn install_agent(&self, noise: &str) {
        let speak = if noise.is_empty() { String::new() } else { format!("echo '{noise}'\n") };
        write_script(
            &self.folder.join("far-bin/ubos-sync"),
            &format!("{speak}exec '{}' \"$@\"", self.binary.display()),
        );
    }

    /// Puts a script on the far side, first in its `PATH`.
    pub fn install_script(&self, name: &str, lines: &str) {
        write_script(&self.folder.join("far-bin").join(name), lines);
    }

    /// The home folder of the far side.
    pub fn home(&self) -> PathBuf {
        self.folder.join("far-home")
    }

    /// Takes the binary away from the far side.
    pub fn remove_agent(&self) {
        fs::remove_file(self.folder.join("far-bin/ubos-sync")).expect("it was installed");
    }

    /// Lets the shell itself print `noise` at login where it is bash, as a `~/.bashrc` would.
    pub fn set_shell_noise(&self, noise: &str) {
        fs::write(self.folder.join("far-home/.bashrc"), format!("echo '{noise}'\n"))
            .expect("a file in our own folder");
    }

    /// Makes the laptop expect the host key of a machine that this one is not.
    pub fn change_known_host(&self) {
        self.trust("other_key");
    }

    /// Makes the laptop expect the right host key again.
    pub fn restore_known_host(&self) {
        self.trust("host_key");
    }

    /// Stops the daemon: from now on nobody answers.
    pub fn stop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }

    fn trust(&self, key: &str) {
        let public = fs::read_to_string(self.folder.join(key).with_extension("pub"))
            .expect("ssh-keygen made it");
        let port = self.proxy.port();
        let lines = format!("[127.0.0.1]:{port} {public}balaur {public}[balaur]:{port} {public}");
        fs::write(self.folder.join("known_hosts"), lines).expect("a file in our own folder");
    }

    fn write_client_config(&self, world: &World) {
        let folder = self.folder.display();
        let port = self.proxy.port();
        let config = format!(
            "Host balaur\n  HostName 127.0.0.1\n  Port {port}\n  User {}\n  IdentityFile {folder}/user_key\n  \
             IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {folder}/known_hosts\n  \
             GlobalKnownHostsFile /dev/null\n  LogLevel ERROR\n",
            user_name()
        );
        fs::write(self.folder.join("client_config"), config).expect("a file in our own folder");
        write_script(
            &world.base().join("bin/ssh"),
            &format!("exec /usr/bin/ssh -F '{folder}/client_config' \"$@\""),
        );
    }

    fn wait_until_it_answers(&self, port: u16) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                return Err(format!("it does not answer: {}", self.log()));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Proves that a login works and finds the binary and the home that it should.
    fn try_login(&self, world: &World) -> Result<(), String> {
        let mut command = world.command(&world.base().join("bin/ssh"));
        command.args(["-T", "-oBatchMode=yes", "balaur", "command -v ubos-sync; echo $HOME"]);
        let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout);
        let folder = self.folder.display();
        if said == format!("{folder}/far-bin/ubos-sync\n{folder}/far-home\n") {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("a login does not work: {said}{errors}{}", self.log()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("sshd.log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn make_key(path: &Path) -> Result<(), String> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    let made =
        command.stdin(Stdio::null()).status().map_err(|error| format!("ssh-keygen: {error}"))?;
    if made.success() { Ok(()) } else { Err(format!("ssh-keygen: {made}")) }
}

fn write_server_config(folder: &Path, port: u16) {
    let public = fs::read_to_string(folder.join("user_key.pub")).expect("ssh-keygen made it");
    fs::write(folder.join("authorized_keys"), public).expect("a file in our own folder");
    let at = folder.display();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nPidFile none\nUsePAM no\n\
         StrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nPubkeyAuthentication yes\n\
         AuthorizedKeysFile {at}/authorized_keys\nPrintMotd no\nUseDNS no\nMaxStartups 100\n\
         SetEnv PATH={at}/far-bin:/usr/bin:/bin HOME={at}/far-home BASH_ENV={at}/far-home/.bashrc\n\
         ForceCommand /bin/sh -c 'cd \"$HOME\" && eval \"$SSH_ORIGINAL_COMMAND\"'\n"
    );
    fs::write(folder.join("sshd_config"), config).expect("a file in our own folder");
}

fn start_daemon(program: &str, folder: &Path) -> Result<Child, String> {
    let log = fs::File::create(folder.join("sshd.log")).map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(["-D", "-e", "-f"]).arg(folder.join("sshd_config"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().map_err(|error| format!("{program}: {error}"))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port of 127.0.0.1");
    listener.local_addr().expect("it is bound").port()
}

fn user_name() -> String {
    let output = Command::new("id").arg("-un").output().expect("every system has `id`");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Fault;

    /// What the remote command says, and what ssh says about it.
    fn ask(world: &World, command_line: &str) -> (Option<i32>, String) {
        let mut command = world.command(&world.base().join("bin/ssh"));
        command.args([
            "-T",
            "-oBatchMode=yes",
            "-oStrictHostKeyChecking=yes",
            "balaur",
            command_line,
        ]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    #[test]
    fn each_fault_can_be_seen_from_the_laptop() {
        let world = World::unpaired("/bin/echo");
        let Some(mut sshd) = Sshd::start(&world) else {
            return;
        };
        assert_eq!(ask(&world, "ubos-sync agent"), (Some(0), "agent\n".into()));
        sshd.install_agent("Welcome!");
        assert_eq!(ask(&world, "ubos-sync agent").1, "Welcome!\nagent\n");
        sshd.set_shell_noise("Hello from the shell");
        let (_, said) = ask(&world, "echo $BASH_VERSION");
        assert!(said == "\n" || said.contains("Hello from the shell\n"), "{said}");
        sshd.remove_agent();
        assert_eq!(ask(&world, "ubos-sync agent").0, Some(127));
        sshd.change_known_host();
        let (code, said) = ask(&world, "true");
        assert_eq!(code, Some(255));
        assert!(said.contains("Host key verification failed"), "{said}");
        sshd.restore_known_host();
        sshd.proxy.set(Fault::CutAfter(2_000));
        assert_eq!(ask(&world, "true").0, Some(255));
        sshd.proxy.set(Fault::None);
        assert_eq!(ask(&world, "true").0, Some(0));
        sshd.stop();
        assert_eq!(ask(&world, "true").0, Some(255));
    }
}
