//! A durable publisher and two readers in processes of their own, killed at random and started again with what they had on the
//! disk. One reader writes each message into a ledger, with its position, and begins behind the last line; the other one keeps a
//! cursor file. Everything that the publisher was told is kept stands in the ledger, once and in order, and nothing that was
//! acknowledged is given again.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nuncio::local_registry::ReservedPort;
use nuncio::{Domain, LinkConfig};
use serde_json::Value;
use tempfile::TempDir;

use super::durable_parts::LEDGER;
use super::part::{Process, Role, number};
use super::random::Random;
use super::report::Report;
use super::{DEADLINE, ProveError, Settings, failed, late};
use crate::cli::{Attack, Part};
use crate::fabric::Fabric;

/// Messages in a second.
const RATE: u64 = 400;
/// How long all live before some are killed, in ms: at least, and how much longer at most.
const LIFE_MS: (u64, usize) = (60, 400);
/// The publisher and its readers.
const PARTS: [Part; 3] = [Part::DurableWriter, Part::LedgerReader, Part::CursorReader];

pub(super) async fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut trial = Trial::begin(settings.seed).await?;
    for _ in 0..settings.n {
        let life = LIFE_MS.0 + trial.random.below(LIFE_MS.1) as u64;
        trial.live_for(Duration::from_millis(life)).await;
        // One of them, or two or three at once.
        let choice = 1 + trial.random.below(7);
        let killed: Vec<_> = (0..PARTS.len()).filter(|index| choice >> index & 1 == 1).collect();
        for index in &killed {
            trial.kill(*index).await;
        }
        for index in killed {
            trial.start(index).await?;
        }
    }
    trial.end().await
}

struct Trial {
    homes: TempDir,
    domain: Domain,
    seats: Vec<Seat>,
    random: Random,
    seen: Seen,
    kills: u64,
}

/// The place of one process: its port stays the same when it is started again.
struct Seat {
    part: Part,
    link: LinkConfig,
    _reserved: ReservedPort,
    process: Option<Process>,
}

impl Trial {
    async fn begin(seed: u64) -> Result<Self, ProveError> {
        let doing = "opening the network";
        let mut fabric = Fabric::new("prove").map_err(failed(doing))?;
        let mut seats = Vec::new();
        for part in PARTS {
            let (link, reserved) = fabric.place().map_err(failed(doing))?;
            seats.push(Seat {
                part,
                link,
                _reserved: reserved,
                process: None,
            });
        }
        // Each connects to the others, so that whoever is started again finds those that live.
        let all: Vec<String> = seats.iter().flat_map(|seat| seat.link.listen.clone()).collect();
        for seat in &mut seats {
            seat.link.connect = all
                .iter()
                .filter(|other| !seat.link.listen.contains(other))
                .cloned()
                .collect();
        }
        let mut trial = Self {
            homes: TempDir::new().map_err(failed("making a directory"))?,
            domain: fabric.domain().clone(),
            seats,
            random: Random::new(seed),
            seen: Seen::default(),
            kills: 0,
        };
        for index in 0..PARTS.len() {
            trial.start(index).await?;
        }
        Ok(trial)
    }

    fn home(&self, part: Part) -> PathBuf {
        self.homes.path().join(format!("{part:?}"))
    }

    async fn start(&mut self, index: usize) -> Result<(), ProveError> {
        let Some(part) = PARTS.get(index).copied() else {
            return Ok(());
        };
        let (home, domain) = (self.home(part), self.domain.clone());
        let Some(seat) = self.seats.get_mut(index) else {
            return Ok(());
        };
        let mut process = Process::start(Role {
            part: seat.part,
            link: &seat.link,
            domain: &domain,
            home: &home,
            rate: RATE,
            n: 1,
            seed: 0,
        })?;
        let ready = process.line("the start of a process").await?;
        if let Some(problem) = ready.get("problem").and_then(Value::as_str) {
            return Err(failed("starting a process")(problem.to_owned()));
        }
        if part == Part::CursorReader {
            self.seen.begin_cursor(&ready);
        }
        seat.process = Some(process);
        Ok(())
    }

    async fn kill(&mut self, index: usize) {
        let process = self.seats.get_mut(index).and_then(|seat| seat.process.take());
        if let Some(process) = process {
            self.kills += 1;
            process.kill().await.iter().for_each(|line| self.seen.hear(line));
        }
    }

    async fn live_for(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        let Self { seats, seen, .. } = self;
        let [writer, ledger, cursor] = seats.as_mut_slice() else {
            return;
        };
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                Some(line) = next(writer) => seen.hear(&line),
                Some(line) = next(ledger) => seen.hear(&line),
                Some(line) = next(cursor) => seen.hear(&line),
            }
        }
    }

    /// Lets the publisher publish nothing more, waits until its readers have acknowledged everything, and looks at the ledger.
    async fn end(mut self) -> Result<Report, ProveError> {
        let writer = self.seats.first_mut().and_then(|seat| seat.process.as_mut());
        writer.map_or(Ok(()), Process::begin)?;
        // A busy disk may take long over the cursor: as long as the reader gets on, it is waited for.
        let (mut limit, mut at) = (Instant::now() + 2 * DEADLINE, 0);
        while self.seen.drained.is_none() {
            if self.seen.acknowledged > at {
                (limit, at) = (Instant::now() + 2 * DEADLINE, self.seen.acknowledged);
            }
            if Instant::now() > limit {
                let Seen {
                    waits,
                    given,
                    acknowledged,
                    ..
                } = &self.seen;
                return Err(late(format!(
                    "the acknowledgement of everything ({waits}; given {given}, acknowledged {acknowledged})"
                )));
            }
            self.live_for(Duration::from_millis(50)).await;
        }
        for index in 0..PARTS.len() {
            self.kill(index).await;
        }
        let ledger =
            fs::read_to_string(self.home(Part::LedgerReader).join(LEDGER)).map_err(failed("reading the ledger"))?;
        let mut report = Report::of_unfollowed(Attack::Durable);
        report.tried = self.kills;
        self.seen.judge(&ledger, &mut report);
        Ok(report)
    }
}

async fn next(seat: &mut Seat) -> Option<Value> {
    match &mut seat.process {
        Some(process) => process.next().await,
        None => None,
    }
}

/// What the processes have said.
#[derive(Debug, Default)]
struct Seen {
    /// What the publisher was told is kept: the content by its number.
    kept: BTreeMap<u64, String>,
    /// The number of the last message when everything was acknowledged.
    drained: Option<u64>,
    /// What the reader with the cursor was given last, since it was started.
    given: u64,
    acknowledged: u64,
    /// How often it was given something again that it had acknowledged.
    again: u64,
    /// How often it was given something out of order.
    disorder: u64,
    /// What it was given for a second time because it was killed before it could acknowledge.
    repeated: u64,
    highest: u64,
    problems: Vec<String>,
    /// What the publisher last said of what it waits for.
    waits: String,
}

impl Seen {
    fn begin_cursor(&mut self, ready: &Value) {
        let at = number(ready, "at");
        if at < self.acknowledged {
            self.problems.push(format!(
                "a cursor stands at {at}, {} were acknowledged",
                self.acknowledged
            ));
        }
        (self.given, self.acknowledged) = (at, at);
    }

    fn hear(&mut self, line: &Value) {
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(kept) = line.get("kept").and_then(Value::as_u64) {
            self.kept.insert(kept, text("id"));
        } else if let Some(given) = line.get("given").and_then(Value::as_u64) {
            self.again += u64::from(given <= self.acknowledged);
            self.disorder += u64::from(given != self.given + 1);
            self.repeated += u64::from(given <= self.highest);
            (self.given, self.highest) = (given, self.highest.max(given));
        } else if let Some(acknowledged) = line.get("acknowledged").and_then(Value::as_u64) {
            self.acknowledged = acknowledged;
        } else if let Some(drained) = line.get("drained").and_then(Value::as_u64) {
            self.drained = Some(drained);
        } else if line.get("waits_for").is_some() {
            self.waits = line.to_string();
        } else if line.get("problem").is_some() {
            self.problems.push(text("problem"));
        }
    }

    fn judge(&mut self, ledger: &str, report: &mut Report) {
        let mut done: BTreeMap<u64, &str> = BTreeMap::new();
        let (mut twice, mut disorder, mut last) = (0, 0, 0);
        for line in ledger.lines() {
            let mut words = line.split(' ');
            let (at, id) = (words.next().and_then(|word| word.parse().ok()), words.next());
            let (Some(at), Some(id)) = (at, id) else {
                self.problems.push(format!("the ledger has a line {line:?}"));
                continue;
            };
            twice += u64::from(done.insert(at, id).is_some());
            disorder += u64::from(at != last + 1);
            last = at;
        }
        report.genuine = self.kept.len() as u64;
        let is_done = |(at, id): &(&u64, &String)| done.get(*at) == Some(&id.as_str());
        report.genuine_delivered = self.kept.iter().filter(is_done).count() as u64;
        report.delivered = twice + disorder + self.again + self.disorder;
        if self
            .drained
            .is_some_and(|drained| drained != last || self.given != last)
        {
            let given = self.given;
            report.problem(format!(
                "{:?} were kept, the ledger ends at {last}, the cursor at {given}",
                self.drained
            ));
        }
        self.problems.drain(..).for_each(|problem| report.problem(problem));
        report.measure("kept", self.kept.len());
        report.measure("in_the_ledger", done.len());
        report.measure("repeated_unacknowledged", self.repeated);
    }
}
