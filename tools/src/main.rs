//! The `nuncio` command line: parse, run, exit.

mod acquaintances;
mod answers;
mod arrivals;
mod bench;
mod bulk;
mod catalog;
mod cli;
mod commands;
mod completion;
mod contexts;
mod curve;
mod demo;
mod expectations;
mod fabric;
mod field_notes;
mod field_path;
mod field_series;
mod findings;
mod instant;
mod interrupt;
mod known_types;
mod leaves;
mod link;
mod message_filter;
mod node_graph;
mod other_process;
mod palette;
mod parameters_of;
mod passphrase;
mod policy_words;
mod prove;
mod qos_words;
mod refusal_talk;
mod render;
mod sanitize;
mod session;
mod shown_message;
mod signed_by;
mod silence;
mod standing;
mod state_reader;
mod terminal;
mod top;
mod trust_home;
mod values;
mod why;

use std::process::ExitCode;

use crate::cli::Args;
use crate::render::Render;

fn main() -> ExitCode {
    completion::answer_shell();
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => {
            Render::new(false, false).error(error);
            return ExitCode::from(2);
        }
    };
    let render = Render::new(args.global.json, args.global.no_color);
    match commands::run(args, &render) {
        Ok(outcome) => outcome.into(),
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            render.error(&error);
            ExitCode::from(2)
        }
    }
}
