//! What `init` does where the peer has no ubos-sync: it offers to copy this very program there, if
//! the machine is of the same kind, and otherwise says what a person can do.

use ubos_engine::error::EngineError;
use ubos_engine::link::install::{self, System};
use ubos_engine::link::{Target, is_agent_missing};
use ubos_engine::pairing::{self, InitRequest, Paired};

use crate::failure::Failure;
use crate::render::command::quote;
use crate::render::units::bytes;
use crate::ui::Ui;

/// Pairs; where the peer lacks the agent, it is installed first, if `assumed` or a person says so.
pub(crate) fn pair(request: &InitRequest, assumed: bool, ui: &Ui) -> Result<Paired, Failure> {
    let target = &request.target;
    let missing = match pairing::init(request) {
        Ok(paired) => return Ok(paired),
        // A command that was given by hand is that person's to mend.
        Err(error) if is_agent_missing(&error) && target.agent.is_none() => error,
        Err(error) => return Err(error.into()),
    };
    let (here, there) = (System::here(), install::system_of(target)?);
    if here != there {
        return Err(by_hand(&missing, foreign(&here, &there)));
    }
    let wanted = assumed || (ui.can_ask() && ui.confirm(&question(target, &there)));
    if !wanted {
        return Err(by_hand(&missing, same(target, &there)));
    }
    ui.status(&format!("Copying ubos-sync to {} …", target.peer));
    install::install(target)?;
    ui.status(&format!("Installed as {} there.", install::PLACE));
    Ok(pairing::init(request)?)
}

fn question(target: &Target, there: &System) -> String {
    let size = std::fs::metadata(&target.program).map_or(0, |meta| meta.len());
    format!(
        "ubos-sync is not installed on {}, which is of the same kind as this machine ({} {}).\n\
         Copy this program ({}) to {} there?",
        target.peer,
        there.name,
        there.architecture,
        bytes(size),
        install::PLACE
    )
}

fn by_hand(missing: &EngineError, hint: String) -> Failure {
    EngineError::Unreachable { message: missing.to_string(), hint: Some(hint) }.into()
}

/// The commands that install this program on a machine of the same kind.
fn same(target: &Target, there: &System) -> String {
    let (host, port) = install::destination(&target.address).unwrap_or_default();
    let [ssh_port, scp_port] =
        ["-p", "-P"].map(|flag| port.map(|port| format!("{flag} {port} ")).unwrap_or_default());
    let program = quote(&target.program.display().to_string());
    format!(
        "this program runs there too ({} {}); run `ubos-sync init` again with `--install-agent`, or copy it by hand and run `ubos-sync init` again:\n  \
         ssh {ssh_port}{host} mkdir -p .local/bin\n  \
         scp {scp_port}{program} {host}:{}",
        there.name,
        there.architecture,
        install::PLACE
    )
}

/// What is to be done on a machine of another kind.
fn foreign(here: &System, there: &System) -> String {
    format!(
        "that machine is {} {}, this program is for {} {}: build one there, then run `ubos-sync init` here again. In the sources of ubos-sync, on that machine:\n  \
         cargo build --release\n  \
         mkdir -p ~/.local/bin && cp target/release/ubos-sync ~/{}",
        there.name,
        there.architecture,
        here.name,
        here.architecture,
        install::PLACE
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_engine::link::Address;

    #[test]
    fn the_commands_name_user_host_and_port_and_quote_the_program() {
        let target = Target {
            apart: false,
            peer: "balaur".into(),
            address: Address::parse("ssh://me@host:2222/srv/janus").unwrap(),
            agent: None,
            program: "/opt/my tools/ubos-sync".into(),
            build: "test".into(),
        };
        let text = same(&target, &System::here());
        assert!(text.contains("ssh -p 2222 me@host mkdir -p .local/bin\n"), "{text}");
        let scp = "scp -P 2222 '/opt/my tools/ubos-sync' me@host:.local/bin/ubos-sync";
        assert!(text.contains(scp), "{text}");
    }
}
