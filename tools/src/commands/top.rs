//! `top`: the live view, or what it would show, printed.

use std::fmt;

use super::{CommandError, Outcome};
use crate::cli::Top;
use crate::session::Session;
use crate::top::{Scope, TopOptions, once, print_on_and_on, show};

pub(super) async fn run(session: &mut Session<'_>, args: Top) -> Result<Outcome, CommandError> {
    let options = TopOptions {
        interval: args.interval,
        scope: Scope {
            topics: args.topics,
            all: args.all,
        },
    };
    let found = if args.once {
        once(session, options).await?
    } else if session.render.is_json() {
        print_on_and_on(session, options).await?
    } else if session.render.is_terminal() {
        show(session, options).await?;
        true
    } else {
        return Err(NoTerminal.into());
    };
    Ok(if found { Outcome::Found } else { Outcome::Nothing })
}

/// There is nothing to draw on.
#[derive(Debug)]
struct NoTerminal;

impl fmt::Display for NoTerminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is no terminal; use `nuncio top --once`, or --json for a line per topic and node")
    }
}

impl std::error::Error for NoTerminal {}
