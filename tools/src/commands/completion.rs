//! `completion`: what makes a shell ask this program how a line may go on; see [`crate::completion`].

use std::env;

use clap_complete::env::Shells;

use super::{CommandError, Outcome};
use crate::cli::Completion;
use crate::completion::VARIABLE;
use crate::render::Render;

pub(super) fn run(render: &Render, args: &Completion) -> Result<Outcome, CommandError> {
    let program = env::current_exe()?;
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell) {
        shell.write_registration(VARIABLE, "nuncio", "nuncio", &program.to_string_lossy(), &mut script)?;
    }
    render.raw(&script)?;
    Ok(Outcome::Found)
}
