//! Runs the binary, waits for what it prints, and never longer than a deadline.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nuncio::local_registry::{ReservedPort, reserve_loopback_port};
use nuncio::{Discovery, Identity, Keystore, Node, NodeBuilder};
use serde_json::Value;
use tempfile::TempDir;

use crate::schema::CommandSchema;

/// How long anything may take that is waited for. Far longer than it does take: a machine may be busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A user: a keystore of their own.
pub(crate) struct User {
    home: Arc<TempDir>,
}

impl User {
    pub(crate) fn new() -> Self {
        Self {
            home: Arc::new(TempDir::new().expect("a directory")),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes files below the home, each with the folders that it needs.
    pub(crate) fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.home().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
            std::fs::write(path, text).expect("the file is written");
        }
    }

    /// A place below the home, as an argument.
    pub(crate) fn path(&self, below: &str) -> String {
        self.home().join(below).to_str().expect("a text").to_owned()
    }

    /// The binary with this user's keystore and nothing else from the environment.
    pub(crate) fn nuncio(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nuncio"));
        command
            .args(args)
            .env_clear()
            .env("NUNCIO_HOME", self.home().join("nuncio"))
            .env("NUNCIO_DISCOVERY", "off")
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.start(args).end()
    }

    /// Starts the binary.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(&mut self.nuncio(args), &self.home)
    }

    /// Starts the binary with another environment.
    pub(crate) fn start_as(&self, args: &[&str], change: impl FnOnce(&mut Command)) -> Running {
        let mut command = self.nuncio(args);
        change(&mut command);
        Running::start(&mut command, &self.home)
    }

    /// Starts another program with this user's keystore, if there is such a program.
    pub(crate) fn start_other(
        &self,
        command: &mut Command,
        change: impl FnOnce(&mut Command),
    ) -> std::io::Result<Running> {
        command
            .env_clear()
            .env("NUNCIO_HOME", self.home().join("nuncio"))
            .stdin(Stdio::null());
        change(command);
        Running::try_start(command, &self.home)
    }

    /// Starts the binary with a pipe to its stdin.
    pub(crate) fn start_with_stdin(&self, args: &[&str], input: &str) -> Running {
        let mut running = Running::start(self.nuncio(args).stdin(Stdio::piped()), &self.home);
        running.stdin().write_all(input.as_bytes()).expect("the input is taken");
        running
    }
}

/// A process that runs; it is killed when it is not waited for.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    /// What the lines of stdout have to be, if it was told to print JSON.
    schema: Option<&'static CommandSchema>,
    /// The keystore stays as long as the process.
    _home: Arc<TempDir>,
}

/// How a process ended, and what it printed that was not read before.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    fn start(command: &mut Command, home: &Arc<TempDir>) -> Self {
        Self::try_start(command, home).expect("the binary runs")
    }

    fn try_start(command: &mut Command, home: &Arc<TempDir>) -> std::io::Result<Self> {
        let is_own = command.get_program() == env!("CARGO_BIN_EXE_nuncio");
        let schema = CommandSchema::of(command.get_args().filter(|_| is_own));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = lines_of(child.stdout.take().expect("a pipe"));
        let stderr = lines_of(child.stderr.take().expect("a pipe"));
        Ok(Self {
            child,
            stdout,
            stderr,
            schema,
            _home: Arc::clone(home),
        })
    }

    /// The next line of stdout.
    pub(crate) fn line(&mut self) -> String {
        match self.stdout.recv_timeout(DEADLINE) {
            Ok(line) => self.checked(line),
            Err(problem) => panic!("no line of stdout ({problem}); stderr: {}", drained(&self.stderr)),
        }
    }

    /// The next line of stdout; `None` when it has ended without one.
    pub(crate) fn line_or_end(&mut self) -> Option<String> {
        match self.stdout.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("neither a line of stdout nor an end"),
        }
    }

    /// The next line of stdout, which is JSON.
    pub(crate) fn json(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The next line of stdout, which is JSON, if one comes in time.
    pub(crate) fn json_within(&mut self, time: Duration) -> Option<Value> {
        let line = self.checked(self.stdout.recv_timeout(time).ok()?);
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// The line, if it is one that the command may print.
    fn checked(&self, line: String) -> String {
        if let Some(schema) = self.schema {
            schema.check(&line);
        }
        line
    }

    /// The next line of stderr with this text, if one comes in time.
    pub(crate) fn talk_within(&mut self, time: Duration, text: &str) -> Option<String> {
        let end = Instant::now() + time;
        loop {
            match self.stderr.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return Some(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("it ended without saying {text:?}"),
            }
        }
    }

    /// Its stdin, if it was started with a pipe.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends what Ctrl-C sends.
    pub(crate) fn interrupt(&self) {
        let pid = self.id().to_string();
        let status = Command::new("kill").args(["-INT", &pid]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        let end = Instant::now() + DEADLINE;
        let rest = |lines: &Receiver<String>| {
            let mut rest = String::new();
            loop {
                match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                    Ok(line) => rest.extend([line.as_str(), "\n"]),
                    Err(RecvTimeoutError::Disconnected) => return rest,
                    Err(RecvTimeoutError::Timeout) => panic!("it did not end; it printed {rest:?}"),
                }
            }
        };
        let (stdout, stderr) = (rest(&self.stdout), rest(&self.stderr));
        if let Some(schema) = self.schema {
            stdout.lines().for_each(|line| schema.check(line));
        }
        // Both pipes are closed: it has ended, or is about to.
        let code = self.child.wait().expect("an end").code();
        Ended { code, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The lines of stdout, which are JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parse).collect()
    }
}

fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn drained(lines: &Receiver<String>) -> String {
    let lines: Vec<String> = lines.try_iter().collect();
    lines.join("\n")
}

/// A port on loopback that nobody else gets.
pub(crate) fn port() -> (ReservedPort, String) {
    let reserved = reserve_loopback_port().expect("a port");
    let endpoint = reserved.locator();
    (reserved, endpoint)
}

/// A node of this process with its own key and no memory, not opened yet.
pub(crate) fn node(name: &str, seed: u8) -> NodeBuilder {
    Node::builder(name)
        .keystore(Keystore::ephemeral(Identity::from_seed(&[seed; 32])))
        .discovery(Discovery::Off)
}

/// Opens a node that listens on a free port, and says where.
pub(crate) async fn listen(builder: NodeBuilder) -> (Node, String) {
    let (_reserved, endpoint) = port();
    let node = builder.listen(&endpoint).open().await.expect("the listener opens");
    (node, endpoint)
}
