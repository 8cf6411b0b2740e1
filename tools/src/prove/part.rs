//! Another process of an attack: started from this program's own binary, spoken to by its pipes, killed when it is dropped.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use nuncio::{Domain, LinkConfig};
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, channel};

use super::{DEADLINE, ProveError, failed, late};
use crate::cli::Part;

/// How many lines wait for whoever reads them.
const LINES_MAX: usize = 4096;

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
pub(super) struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts it.
    pub(super) fn start(role: Role<'_>) -> Result<Self, ProveError> {
        let doing = "starting another process";
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
        let mut child = Command::new(std::env::current_exe().map_err(failed(doing))?)
            .args(args)
            .env("NUNCIO_HOME", role.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed(doing))?;
        let (sender, lines) = channel(LINES_MAX);
        let stdout = child.stdout.take();
        thread::spawn(move || {
            let read = stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines());
            for line in read.map_while(Result::ok) {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// The next line; `None` when there will be none. A line that was cut short by a killing is left out.
    pub(super) async fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.lines.recv().await?;
            if let Ok(value) = serde_json::from_str(&line) {
                return Some(value);
            }
        }
    }

    /// The next line, which has to come in time.
    pub(super) async fn line(&mut self, what: &str) -> Result<Value, ProveError> {
        let line = tokio::time::timeout(DEADLINE, self.next()).await;
        line.ok().flatten().ok_or_else(|| late(what))
    }

    /// Tells it to begin.
    pub(super) fn begin(&mut self) -> Result<(), ProveError> {
        let doing = "speaking to another process";
        let stdin = self.child.stdin.as_mut();
        stdin
            .ok_or_else(|| late("a pipe to another process"))?
            .write_all(b"\n")
            .map_err(failed(doing))
    }

    /// Kills it at once, as no program can help against, and gives what it had said by then.
    pub(super) async fn kill(mut self) -> Vec<Value> {
        let _ = self.child.kill();
        let mut rest = Vec::new();
        while let Ok(Some(value)) = tokio::time::timeout(Duration::from_secs(5), self.next()).await {
            rest.push(value);
        }
        rest
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A number of a line.
pub(super) fn number(line: &Value, name: &str) -> u64 {
    line.get(name).and_then(Value::as_u64).unwrap_or_default()
}
