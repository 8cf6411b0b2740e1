//! Another process of an attack.

use std::ffi::OsString;
use std::path::Path;

use clap::ValueEnum;
use nuncio::{Domain, LinkConfig};
use serde_json::Value;

use super::{DEADLINE, ProveError, failed, late};
use crate::cli::Part;
use crate::other_process::OtherProcess;

/// What a process is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role<'a> {
    pub(super) part: Part,
    pub(super) link: &'a LinkConfig,
    pub(super) domain: &'a Domain,
    /// Its keystore.
    pub(super) home: &'a Path,
    pub(super) rate: u64,
    pub(super) n: u64,
    pub(super) seed: u64,
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Process(OtherProcess);

impl Process {
    /// Starts it.
    pub(super) fn start(role: Role<'_>) -> Result<Self, ProveError> {
        let name = role.part.to_possible_value();
        let mut args: Vec<OsString> = vec!["prove-part".into()];
        args.extend(name.map(|name| name.get_name().into()));
        let endpoints = |flag: &'static str, endpoints: &[String]| {
            let pairs = endpoints
                .iter()
                .map(move |endpoint| [flag.to_owned(), endpoint.clone()]);
            pairs.flatten().map(OsString::from).collect::<Vec<_>>()
        };
        args.extend(endpoints("--listen", &role.link.listen));
        args.extend(endpoints("--connect", &role.link.connect));
        let numbers = [("--rate", role.rate), ("--n", role.n), ("--seed", role.seed)];
        for (flag, number) in numbers {
            args.extend([flag.into(), number.to_string().into()]);
        }
        args.extend(["--json", "--discovery", "off", "--domain", role.domain.as_str()].map(OsString::from));
        OtherProcess::start(args, |command| {
            command.env("NUNCIO_HOME", role.home);
        })
        .map(Self)
        .map_err(failed("starting another process"))
    }

    /// The next line; `None` when there will be none.
    pub(super) async fn next(&mut self) -> Option<Value> {
        self.0.next().await
    }

    /// The next line, which has to come in time.
    pub(super) async fn line(&mut self, what: &str) -> Result<Value, ProveError> {
        let line = tokio::time::timeout(DEADLINE, self.next()).await;
        line.ok().flatten().ok_or_else(|| late(what))
    }

    /// Tells it to begin.
    pub(super) fn begin(&mut self) -> Result<(), ProveError> {
        self.0.say("").map_err(failed("speaking to another process"))
    }

    /// Kills it at once, as no program can help against, and gives what it had said by then.
    pub(super) async fn kill(self) -> Vec<Value> {
        self.0.kill().await
    }
}

/// A number of a line.
pub(super) fn number(line: &Value, name: &str) -> u64 {
    line.get(name).and_then(Value::as_u64).unwrap_or_default()
}
