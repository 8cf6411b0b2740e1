//! A publisher and a subscriber in processes of their own, killed at random and started again with the same keystores,
//! while an attacker repeats what it recorded and forges. No message is delivered twice, none is forged, no epoch is
//! used twice, and where both ends live the losses are the gaps that are reported.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nuncio::adversary::{Adversary, Capture};
use nuncio::local_registry::ReservedPort;
use nuncio::security::peers::FIRST_CONTACT_GRACE_NS;
use nuncio::{Domain, LinkConfig, TopicName};
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::time::Interval;

use super::part::{Process, Role, number};
use super::parts::TOPIC;
use super::random::Random;
use super::report::{DUPLICATE, Report};
use super::witness::put;
use super::{DEADLINE, ProveError, Settings, failed, late};
use crate::cli::{Attack, Part};
use crate::fabric::Fabric;

/// Messages in a second.
const RATE: u64 = 500;
/// How often the attacker does something.
const ATTACK_PERIOD: Duration = Duration::from_millis(4);
/// How old a recorded frame is before it is repeated: more than the second within which it may count as live.
const REPEATED_AFTER: Duration = Duration::from_millis(1500);
/// How many frames the attacker keeps.
const RECORDED_MAX: usize = 4096;
/// How long both ends live before one is killed, in ms: at least, and how much longer at most.
const LIFE_MS: (u64, usize) = (150, 450);

pub(super) async fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut trial = Trial::begin(settings).await?;
    let mut random = Random::new(settings.seed);
    for _ in 0..settings.n {
        trial.talk_until_heard().await?;
        let life = LIFE_MS.0 + random.below(LIFE_MS.1) as u64;
        trial.talk_for(Duration::from_millis(life)).await;
        match random.below(3) {
            0 => trial.restart(Part::Talker).await?,
            1 => trial.restart(Part::Listener).await?,
            _ => {
                trial.restart(Part::Talker).await?;
                trial.restart(Part::Listener).await?;
            }
        }
    }
    trial.talk_until_heard().await?;
    trial.talk_for(REPEATED_AFTER).await;
    Ok(trial.end().await)
}

/// Both processes, the attacker and what was heard.
struct Trial {
    homes: TempDir,
    domain: Domain,
    talker: Seat,
    listener: Seat,
    attacker: Attacker,
    heard: Heard,
    kills: u64,
    epochs: Vec<u64>,
}

/// The place of one process: its ports stay the same when it is started again.
struct Seat {
    link: LinkConfig,
    _reserved: ReservedPort,
    process: Option<Process>,
}

impl Trial {
    async fn begin(settings: Settings) -> Result<Self, ProveError> {
        let doing = "opening the network";
        let mut fabric = Fabric::new("prove").map_err(failed(doing))?;
        let adversary = fabric.adversary().await.map_err(failed(doing))?;
        let mut seat = || {
            let (link, reserved) = fabric.place().map_err(failed(doing))?;
            Ok::<_, ProveError>(Seat {
                link,
                _reserved: reserved,
                process: None,
            })
        };
        let (mut talker, listener) = (seat()?, seat()?);
        // Each connects to the other, so that whoever is started again finds the one that lives.
        talker.link.connect.extend_from_slice(&listener.link.listen);
        let topic = TopicName::parse(TOPIC).map_err(failed(doing))?;
        let mut trial = Self {
            homes: TempDir::new().map_err(failed("making a directory"))?,
            domain: fabric.domain().clone(),
            talker,
            listener,
            attacker: Attacker {
                capture: adversary.capture(&topic).map_err(failed("listening in"))?,
                adversary,
                topic,
                recorded: VecDeque::new(),
                random: Random::new(settings.seed ^ 1),
                tick: tokio::time::interval(ATTACK_PERIOD),
                tried: 0,
            },
            heard: Heard::default(),
            kills: 0,
            epochs: Vec::new(),
        };
        trial.start(Part::Listener).await?;
        trial.start(Part::Talker).await?;
        Ok(trial)
    }

    async fn restart(&mut self, part: Part) -> Result<(), ProveError> {
        if let Some(process) = self.seat(part).process.take() {
            let rest = process.kill().await;
            self.kills += 1;
            if part == Part::Listener {
                rest.iter().for_each(|line| self.heard.hear(line));
                self.heard.end_instance();
            }
        }
        self.start(part).await
    }

    async fn start(&mut self, part: Part) -> Result<(), ProveError> {
        let home: PathBuf = self.homes.path().join(format!("{part:?}"));
        let domain = self.domain.clone();
        let seat = self.seat(part);
        let mut process = Process::start(Role {
            part,
            link: &seat.link,
            domain: &domain,
            home: &home,
            rate: RATE,
            n: 1,
            seed: 0,
        })?;
        let ready = process.line("the start of a process").await?;
        seat.process = Some(process);
        match part {
            Part::Talker => self.epochs.push(number(&ready, "epoch")),
            _ => self.heard.ready_ns = number(&ready, "time_ns"),
        }
        Ok(())
    }

    fn seat(&mut self, part: Part) -> &mut Seat {
        match part {
            Part::Talker => &mut self.talker,
            _ => &mut self.listener,
        }
    }

    /// Hears and attacks until the listener of now has heard the talker of now.
    async fn talk_until_heard(&mut self) -> Result<(), ProveError> {
        let end = Instant::now() + 2 * DEADLINE;
        while Instant::now() < end {
            let epoch = self.epochs.last().copied().unwrap_or_default();
            if self.heard.now.contains_key(&epoch) {
                return Ok(());
            }
            self.talk_for(ATTACK_PERIOD).await;
        }
        Err(late("hearing each other again"))
    }

    async fn talk_for(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        loop {
            let Some(listener) = &mut self.listener.process else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                Some(line) = listener.next() => self.heard.hear(&line),
                _ = self.attacker.tick.tick() => self.attacker.attack(),
            }
        }
    }

    async fn end(mut self) -> Report {
        if let Some(listener) = self.listener.process.take() {
            let rest = listener.kill().await;
            rest.iter().for_each(|line| self.heard.hear(line));
        }
        self.heard.end_instance();
        let mut report = Report::of_unfollowed(Attack::Restart);
        report.tried = self.attacker.tried;
        report.measure("killed", self.kills);
        report.measure("epochs", self.epochs.len());
        if !self.epochs.is_sorted_by(|earlier, later| earlier < later) {
            report.problem(format!("epochs did not grow from start to start: {:?}", self.epochs));
        }
        self.heard.judge(&self.epochs, &mut report);
        report
    }
}

/// Repeats what is old enough, and alters what is new.
struct Attacker {
    adversary: Adversary,
    capture: Capture,
    topic: TopicName,
    recorded: VecDeque<(Instant, Vec<u8>)>,
    random: Random,
    tick: Interval,
    tried: u64,
}

impl Attacker {
    fn attack(&mut self) {
        let now = Instant::now();
        let passed = std::iter::from_fn(|| self.capture.try_next());
        // Its own frames pass here, too: what is repeated a second time is as old as it was the first time at least.
        self.recorded.extend(passed.map(|frame| (now, frame)));
        while self.recorded.len() > RECORDED_MAX {
            self.recorded.pop_front();
        }
        let old = self
            .recorded
            .partition_point(|(since, _)| *since + REPEATED_AFTER < now);
        let chosen = self.random.below(old);
        if let Some((_, frame)) = self.recorded.get(chosen).filter(|_| old > 0) {
            self.tried += u64::from(put(&self.adversary, &self.topic, frame).is_ok());
        }
        if let Some((_, newest)) = self.recorded.back() {
            let mut forged = newest.clone();
            let at = self.random.below(forged.len());
            if let Some(byte) = forged.get_mut(at) {
                *byte ^= 1 << self.random.below(8);
            }
            self.tried += u64::from(put(&self.adversary, &self.topic, &forged).is_ok());
        }
    }
}

/// What all listeners together have heard.
#[derive(Debug, Default)]
struct Heard {
    /// By epoch, from the listener of now.
    now: BTreeMap<u64, Talk>,
    /// What earlier listeners heard of each epoch.
    earlier: Vec<(u64, Talk)>,
    /// What the listener of now has last said that it refused, and what all earlier ones had.
    refused_now: Map<String, Value>,
    refused: BTreeMap<String, u64>,
    all: BTreeSet<(u64, u64)>,
    /// When the listener of now was ready.
    ready_ns: u64,
    twice: u64,
    within_grace: u64,
    forged: u64,
    not_live: u64,
}

/// What one listener heard of one talker.
#[derive(Debug, Default)]
struct Talk {
    /// The number that came first; what has a lower one was published before.
    first: Option<u64>,
    numbers: BTreeSet<u64>,
    reported: u64,
    belated: u64,
}

impl Heard {
    fn hear(&mut self, line: &Value) {
        if let Some(refused) = line.get("refused") {
            self.refused_now = refused.as_object().cloned().unwrap_or_default();
            self.refused_now
                .insert(DUPLICATE.to_owned(), number(line, "duplicates").into());
        }
        if line.get("number").is_none() {
            return;
        }
        let is = |name: &str| line.get(name).and_then(Value::as_bool).unwrap_or_default();
        let (epoch, at) = (number(line, "epoch"), number(line, "number"));
        if !self.all.insert((epoch, at)) {
            // A listener that is started again remembers nothing, and what was published within the second before it
            // has met the talker counts as live for it, by design.
            let is_recent = number(line, "source_time_ns") + FIRST_CONTACT_GRACE_NS as u64 >= self.ready_ns;
            let by_this_one = self.now.get(&epoch).is_some_and(|talk| talk.numbers.contains(&at));
            match is_recent && !by_this_one {
                true => self.within_grace += 1,
                false => self.twice += 1,
            }
        }
        self.forged += u64::from(!is("genuine"));
        self.not_live += u64::from(!is("live"));
        let talk = self.now.entry(epoch).or_default();
        let first = *talk.first.get_or_insert(at);
        talk.belated += u64::from(at > first && talk.numbers.last().is_some_and(|newest| at < *newest));
        talk.reported += number(line, "missing_before");
        talk.numbers.insert(at);
    }

    fn end_instance(&mut self) {
        self.earlier.extend(std::mem::take(&mut self.now));
        for (reason, count) in std::mem::take(&mut self.refused_now) {
            *self.refused.entry(reason).or_default() += count.as_u64().unwrap_or_default();
        }
    }

    fn judge(&self, epochs: &[u64], report: &mut Report) {
        report.genuine = self.all.len() as u64;
        // What a listener meets late is history to it, on a slow machine more than on others: delivered all the same.
        report.genuine_delivered = report.genuine;
        report.measure("heard_as_history", self.not_live);
        report.delivered = self.twice + self.forged;
        self.refused
            .iter()
            .for_each(|(reason, count)| report.refuse(reason, *count));
        let (mut lost, mut reported) = (0, 0);
        for (epoch, talk) in &self.earlier {
            if !epochs.contains(epoch) {
                report.problem(format!("epoch {epoch} is nobody's"));
            }
            let (Some(first), Some(last)) = (talk.first, talk.numbers.last()) else {
                continue;
            };
            let lost_here = last - first + 1 - talk.numbers.range(first..).count() as u64;
            let reported_here = talk.reported.saturating_sub(talk.belated);
            if lost_here != reported_here {
                report.problem(format!(
                    "{lost_here} messages of epoch {epoch} were lost and {reported_here} reported"
                ));
            }
            lost += lost_here;
            reported += reported_here;
        }
        report.measure("heard_again_within_grace", self.within_grace);
        report.measure("lost", lost);
        report.measure("gaps_reported", reported);
    }
}
