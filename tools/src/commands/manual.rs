//! `manual`: a manual page for each command, made of what its help says.

use std::fs;

use clap::{Command, CommandFactory};

use super::{CommandError, Outcome};
use crate::answers::program::ManualWritten;
use crate::cli::{Args, Manual};
use crate::render::{Render, count};

pub(super) fn run(render: &Render, args: &Manual) -> Result<Outcome, CommandError> {
    fs::create_dir_all(&args.folder)?;
    clap_mangen::generate_to(Args::command(), &args.folder)?;
    let pages = count_pages(&Args::command());
    match render.is_json() {
        true => render.answer(&ManualWritten {
            folder: args.folder.display().to_string(),
            pages,
        })?,
        false => render.note(format!("{} in {}", count(pages, "page"), args.folder.display())),
    }
    Ok(Outcome::Found)
}

/// One page for a command, and one for each below it.
fn count_pages(command: &Command) -> usize {
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
    1 + shown.map(count_pages).sum::<usize>()
}
