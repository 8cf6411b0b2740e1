//! `link`: which of its two commands runs.

use super::{CommandError, Outcome, link_accept, link_invite};
use crate::cli::{GlobalArgs, LinkCommand};
use crate::render::Render;

pub(super) async fn run(global: &GlobalArgs, render: &Render, command: LinkCommand) -> Result<Outcome, CommandError> {
    match command {
        LinkCommand::Invite(args) => link_invite::run(global, render, args).await,
        LinkCommand::Accept(args) => link_accept::run(global, render, args).await,
    }
}
