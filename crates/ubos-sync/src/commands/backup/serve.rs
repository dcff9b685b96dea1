//! `ubos-sync backup receive-pack` and `upload-pack`: the far end of a push to the mirror.

use clap::Args;

use ubos_tiers::git::mirror::Mirrors;
use ubos_tiers::git::serve::{Service, serve};

use crate::failure::{Failure, Outcome};

/// What git names at the far end.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// `/` and the id of the pair
    #[arg(value_name = "/PAIR")]
    place: String,
}

/// Takes a push.
pub(crate) fn receive(args: &ServeArgs) -> Outcome {
    become_git(Service::Receive, args)
}

/// Gives a fetch.
pub(crate) fn upload(args: &ServeArgs) -> Outcome {
    become_git(Service::Upload, args)
}

fn become_git(service: Service, args: &ServeArgs) -> Outcome {
    let mirrors = Mirrors::of_user()?;
    match serve(service, &args.place, &mirrors) {
        Ok(never) => match never {},
        Err(error) => Err(Failure::Backup(error)),
    }
}
