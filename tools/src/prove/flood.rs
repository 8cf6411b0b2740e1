//! Floods of bad frames from another process, beside an emergency stop of another key from a third: every stop arrives,
//! and in time. While keys that nobody knows flood, a node joins that nobody has seen before.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nuncio::msgs::nuncio_msgs::msg::EmergencyStop;
use nuncio::{Identity, Node, Reason, Subscriber, SubscriptionStats};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::part::{Process, Role, number};
use super::parts::{TOPIC, is_genuine, stop};
use super::report::Report;
use super::witness::{roomy, stats_without_knocks};
use super::{DEADLINE, ProveError, Settings, failed, late};
use crate::cli::{Attack, Part};
use crate::fabric::Fabric;

/// Stops in a second.
const STOP_RATE: u64 = 100;
/// Bad frames in a second, and questions for cards.
const FLOOD_RATE: u64 = 50_000;
const QUESTION_RATE: u64 = 5_000;
/// The floods, one after the other; each has its share of the attempts.
const FLOODS: [Part; 5] = [
    Part::Garbage,
    Part::BadSignature,
    Part::UnknownWriter,
    Part::FreshKeys,
    Part::Questions,
];
/// How long it is quiet, for comparison.
const QUIET: Duration = Duration::from_secs(2);
/// A 99th percentile below this is good, whatever it is in quiet: less than half of what a person takes to react.
const P99_GOOD: Duration = Duration::from_millis(100);
/// How many times the 99th percentile in quiet is good as well, on a machine that is slow anyway.
const P99_TIMES: u32 = 5;
const LOOK: Duration = Duration::from_millis(1);

pub(super) async fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut report = Report::new(Attack::Flood);
    let doing = "opening a node";
    let homes = TempDir::new().map_err(failed("making a directory"))?;
    let mut fabric = Fabric::new("prove").map_err(failed(doing))?;
    let key = Identity::generate().map_err(failed("making a key"))?;
    let node = fabric.node("/", "listener", &key).await.map_err(failed(doing))?;
    let mut ear = Ear::new(&node)?;
    let talker_place = fabric.place().map_err(failed(doing))?;
    let flooder_place = fabric.place().map_err(failed(doing))?;
    let domain = fabric.domain().clone();
    let role = |part, link, n, rate| Role {
        part,
        link,
        domain: &domain,
        home: homes.path(),
        rate,
        n,
        seed: settings.seed,
    };
    let mut talker = Process::start(role(Part::Talker, &talker_place.0, 1, STOP_RATE))?;
    let key = talker.line("the start of the talker").await?;
    ear.talker = key.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
    ear.hear_first().await?;

    let quiet = ear.during(QUIET).await;
    report.measure(
        "quiet",
        json!({ "stops": quiet.len(), "p50_ms": percentile(&quiet, 50), "p99_ms": percentile(&quiet, 99) }),
    );
    let allowed = millis(P99_GOOD).max(percentile(&quiet, 99) * f64::from(P99_TIMES));
    let share = (settings.n / FLOODS.len() as u64).max(1);
    let mut floods = Vec::new();
    for part in FLOODS {
        let (n, rate) = match part {
            Part::Questions => ((share / 10).max(1), QUESTION_RATE),
            _ => (share, FLOOD_RATE),
        };
        let flooder = Process::start(role(part, &flooder_place.0, n, rate))?;
        let flood = ear.flood(part, flooder, &mut fabric, &mut report).await?;
        if flood.p99_ms > allowed {
            report.problem(format!(
                "stops took {} ms (99th percentile) during {part:?}, at most {allowed} ms are allowed",
                flood.p99_ms
            ));
        }
        floods.push(flood.json);
    }
    report.measure("floods", floods);
    report.measure("p99_allowed_ms", allowed);
    ear.judge(&mut report);
    Ok(report)
}

/// Hears the stops.
struct Ear {
    subscriber: Subscriber<EmergencyStop>,
    /// Whose stops count.
    talker: String,
    numbers: BTreeSet<u64>,
    repeated: u64,
    wrong: u64,
    newcomers: u64,
    /// What newcomers have published.
    published: u64,
    latencies_ms: Vec<f64>,
}

struct Flood {
    json: Value,
    p99_ms: f64,
}

impl Ear {
    fn new(node: &Node) -> Result<Self, ProveError> {
        let subscriber = node.subscriber_with(TOPIC, roomy());
        Ok(Self {
            subscriber: subscriber.map_err(failed("opening a subscription"))?,
            talker: String::new(),
            numbers: BTreeSet::new(),
            repeated: 0,
            wrong: 0,
            newcomers: 0,
            published: 0,
            latencies_ms: Vec::new(),
        })
    }

    fn look(&mut self) {
        while let Ok(received) = self.subscriber.try_recv() {
            let info = &received.info;
            self.wrong += u64::from(!is_genuine(&received.message, info.number));
            if info.signer.to_string() != self.talker {
                self.newcomers += 1;
                continue;
            }
            self.repeated += u64::from(!self.numbers.insert(info.number));
            let ns = info.received_time_ns.saturating_sub(info.source_time_ns);
            self.latencies_ms.push(ns as f64 / 1e6);
        }
    }

    async fn hear_first(&mut self) -> Result<(), ProveError> {
        let end = Instant::now() + DEADLINE;
        while self.numbers.is_empty() {
            if Instant::now() > end {
                return Err(late("the first stop"));
            }
            self.during(LOOK).await;
        }
        Ok(())
    }

    /// The latencies of the stops that arrive in the meantime.
    async fn during(&mut self, time: Duration) -> Vec<f64> {
        self.latencies_ms.clear();
        let end = Instant::now() + time;
        while Instant::now() < end {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
        std::mem::take(&mut self.latencies_ms)
    }

    /// Hears stops while a flooder does its work, until the last bad frame has come to an end.
    async fn flood(
        &mut self,
        part: Part,
        mut flooder: Process,
        fabric: &mut Fabric,
        report: &mut Report,
    ) -> Result<Flood, ProveError> {
        let before = self.begin(&mut flooder).await?;
        let since = Instant::now();
        self.latencies_ms.clear();
        let newcomer_ms = match part {
            Part::FreshKeys => Some(self.let_somebody_join(fabric, report).await?),
            _ => None,
        };
        let mut ended = None;
        let end = Instant::now() + 8 * DEADLINE;
        while ended.is_none() && Instant::now() < end {
            if let Ok(line) = tokio::time::timeout(LOOK, flooder.next()).await {
                ended = Some(line.ok_or_else(|| late("the end of a flood"))?);
            }
            self.look();
        }
        let line = ended.ok_or_else(|| late("the end of a flood"))?;
        let sent = number(&line, "sent");
        if part != Part::Questions {
            self.account(&before, sent).await;
            // A newcomer's first messages may be refused while too many strangers are being asked.
            let ended = |stats: &SubscriptionStats| stats.refused_total() + stats.duplicates;
            let more = (ended(&self.stats()) - ended(&before)).saturating_sub(sent);
            report.tried += sent + more.min(self.published - self.newcomers);
            (self.published, self.newcomers) = (0, 0);
        }
        let elapsed = since.elapsed().as_secs_f64();
        self.look();
        let latencies = std::mem::take(&mut self.latencies_ms);
        report.refuse_since(&before, &self.stats());
        let p99_ms = percentile(&latencies, 99);
        let mut json = json!({
            "flood": format!("{part:?}"),
            "sent": sent,
            "per_second": (sent as f64 / elapsed.max(1e-9)).round(),
            "stops": latencies.len(),
            "p50_ms": percentile(&latencies, 50),
            "p99_ms": p99_ms,
        });
        if let (Some(ms), Some(fields)) = (newcomer_ms, json.as_object_mut()) {
            fields.insert("newcomer_heard_after_ms".to_owned(), ms.into());
        }
        Ok(Flood { json, p99_ms })
    }

    /// Lets a flooder begin when its frames are known to arrive here. Gives the counters before that.
    async fn begin(&mut self, flooder: &mut Process) -> Result<SubscriptionStats, ProveError> {
        flooder.line("the start of a flooder").await?;
        let knocks = |ear: &Self| ear.subscriber.stats().refused.get(&Reason::UnsupportedVersion).copied();
        let (before, end) = (knocks(self), Instant::now() + DEADLINE);
        while knocks(self) == before {
            if Instant::now() > end {
                return Err(late("the first frame of a flooder"));
            }
            tokio::time::sleep(LOOK).await;
            self.look();
        }
        let before = self.stats();
        flooder.begin()?;
        flooder.line("the start of a flood").await?;
        Ok(before)
    }

    fn stats(&self) -> SubscriptionStats {
        stats_without_knocks(self.subscriber.stats())
    }

    /// Waits until so many frames were refused since `before`.
    async fn account(&mut self, before: &SubscriptionStats, sent: u64) {
        let ended = |stats: &SubscriptionStats| stats.refused_total() + stats.duplicates;
        let end = Instant::now() + 2 * DEADLINE;
        while ended(&self.stats()) < ended(before) + sent && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
    }

    /// A node that nobody has met publishes until it is heard.
    async fn let_somebody_join(&mut self, fabric: &mut Fabric, report: &mut Report) -> Result<u64, ProveError> {
        let key = Identity::generate().map_err(failed("making a key"))?;
        let since = Instant::now();
        let node = fabric
            .node("/", "newcomer", &key)
            .await
            .map_err(failed("opening a node"))?;
        let publisher = node
            .publisher_with::<EmergencyStop>(TOPIC, roomy())
            .map_err(failed("opening a publisher"))?;
        let (heard, mut number) = (self.newcomers, 0);
        while self.newcomers == heard && since.elapsed() < DEADLINE {
            number += 1;
            publisher.publish(&stop(number)).map_err(failed("publishing a stop"))?;
            self.published += 1;
            for _ in 0..10 {
                tokio::time::sleep(LOOK).await;
                self.look();
            }
        }
        report.genuine += 1;
        report.genuine_delivered += u64::from(self.newcomers > heard);
        let elapsed = since.elapsed();
        node.close().await.map_err(failed("closing a node"))?;
        Ok(elapsed.as_millis() as u64)
    }

    fn judge(&self, report: &mut Report) {
        if let (Some(first), Some(last)) = (self.numbers.first(), self.numbers.last()) {
            report.genuine += last - first + 1;
        }
        report.genuine_delivered += self.numbers.len() as u64;
        report.delivered += self.repeated + self.wrong;
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The value that `percent` of all values do not exceed, to the microsecond; 0 of none.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).map_or(0.0, |value| (value * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (100.0, 198.0));
        assert_eq!((percentile(&[7.0], 99), percentile(&[], 99)), (7.0, 0.0));
    }
}
