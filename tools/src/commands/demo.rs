//! `demo`: robots, an operator and an attacker on this machine; see [`demo`].

use std::error::Error;
use std::fmt;

use super::{CommandError, Outcome};
use crate::cli::{Demo, GlobalArgs};
use crate::demo::{self, DemoOptions, Presentation};

/// The demonstration needs no node of this program's own and touches no keystore.
pub(super) async fn run(global: &GlobalArgs, args: Demo) -> Result<Outcome, CommandError> {
    let presentation = match (global.json, Presentation::for_stdout()) {
        (true, _) => Presentation::Json,
        (false, Presentation::Table { color }) => Presentation::Table {
            color: color && !global.no_color,
        },
        (false, other) => other,
    };
    let options = DemoOptions {
        duration: args.seconds,
        presentation,
    };
    match demo::run(options).await {
        Ok(summary) if summary.ok => Ok(Outcome::Found),
        Ok(_) => Err(NotAsPromised.into()),
        Err(error) if error.is_broken_pipe() => Ok(Outcome::Found),
        Err(error) => Err(error.into()),
    }
}

/// Something forged was delivered, or something genuine was not.
#[derive(Debug)]
struct NotAsPromised;

impl fmt::Display for NotAsPromised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the demonstration did not end as it should; its summary says where")
    }
}

impl Error for NotAsPromised {}
