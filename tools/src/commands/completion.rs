//! `completion`: what makes a shell ask this program how a line may go on; see [`crate::completion`].

use std::env;
use std::error::Error;
use std::fmt;

use clap_complete::env::Shells;

use super::{CommandError, Outcome};
use crate::cli::Completion;
use crate::completion::VARIABLE;
use crate::render::Render;

pub(super) fn run(render: &Render, args: &Completion) -> Result<Outcome, CommandError> {
    if render.is_json() {
        return Err(NoJson.into());
    }
    let program = env::current_exe()?;
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&args.shell) {
        shell.write_registration(VARIABLE, "nuncio", "nuncio", &program.to_string_lossy(), &mut script)?;
    }
    render.raw(&script)?;
    Ok(Outcome::Found)
}

/// A script for a shell is none for a program.
#[derive(Debug)]
struct NoJson;

impl fmt::Display for NoJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`completion` prints a script for a shell, which has no JSON form; leave --json out")
    }
}

impl Error for NoJson {}
