//! Another process of this program's own: spoken to by lines on its pipes, killed when it is dropped.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{Receiver, channel};

/// How many lines wait for whoever reads them.
const LINES_MAX: usize = 4096;

/// A process that runs.
#[derive(Debug)]
pub(crate) struct OtherProcess {
    child: Child,
    lines: Receiver<String>,
}

impl OtherProcess {
    /// Starts this program's binary with these arguments, after `prepare` has had its way with the command.
    ///
    /// # Errors
    ///
    /// The operating system's own.
    pub(crate) fn start(args: Vec<OsString>, prepare: impl FnOnce(&mut Command)) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        prepare(&mut command);
        let mut child = command.spawn()?;
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

    /// Its number on this machine.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line; `None` when there will be none. A line that was cut short by a killing is left out.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.lines.recv().await?;
            if let Ok(value) = serde_json::from_str(&line) {
                return Some(value);
            }
        }
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    ///
    /// The operating system's own, when the process is gone.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        match self.child.stdin.as_mut() {
            Some(stdin) => stdin.write_all(format!("{line}\n").as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Kills it at once, as no program can help against, and gives what it had said by then.
    pub(crate) async fn kill(mut self) -> Vec<Value> {
        let _ = self.child.kill();
        let mut rest = Vec::new();
        while let Ok(Some(value)) = tokio::time::timeout(Duration::from_secs(5), self.next()).await {
            rest.push(value);
        }
        rest
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
