//! A hostile router: the only way between two nodes on two networks. It passes presence on, and deals with frames as it
//! likes ([`courier`](super::courier)). Nothing wrong is delivered, and the gaps that the receiver reports are what was
//! dropped, to the message.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nuncio::adversary::{Adversary, Capture};
use nuncio::msgs::std_msgs::msg;
use nuncio::{Identity, Publisher, TopicName};

use super::courier::{Deeds, Errand, errands, numbers};
use super::random::Random;
use super::report::Report;
use super::witness::{Witness, publish, put, roomy};
use super::{DEADLINE, ProveError, Settings, failed, late};
use crate::cli::Attack;
use crate::fabric::Fabric;

const TOPIC: &str = "/proven";
const OTHER_TOPIC: &str = "/proven_2";
/// How many messages are published before the router has taken them.
const BURST: u64 = 100;

pub(super) async fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut report = Report::new(Attack::Router);
    let doing = "opening a node";
    let generate = || Identity::generate().map_err(failed("making a key"));
    let mut near = Fabric::new("prove").map_err(failed(doing))?;
    let mut far = Fabric::new("prove").map_err(failed(doing))?;
    let talker = near.node("/", "talker", &generate()?).await.map_err(failed(doing))?;
    let listener = far.node("/", "listener", &generate()?).await.map_err(failed(doing))?;
    let mut witness = Witness::new(&listener, TOPIC)?;
    let mut bystander = Witness::new(&listener, OTHER_TOPIC)?;
    let (inlet, outlet) = (
        near.adversary().await.map_err(failed(doing))?,
        far.adversary().await.map_err(failed(doing))?,
    );
    let _presence = inlet.relay_presence(&outlet).map_err(failed("passing presence on"))?;
    let router = Router {
        capture: inlet
            .capture(&TopicName::parse(TOPIC).map_err(failed("naming a topic"))?)
            .map_err(failed("listening in"))?,
        outlet,
        topic: TopicName::parse(TOPIC).map_err(failed("naming a topic"))?,
        other_topic: TopicName::parse(OTHER_TOPIC).map_err(failed("naming a topic"))?,
    };
    let publisher = talker
        .publisher_with::<msg::String>(TOPIC, roomy())
        .map_err(failed("opening a publisher"))?;
    // On the other topic the same publisher is at home, too, with the same type.
    let _second = talker
        .publisher_with::<msg::String>(OTHER_TOPIC, roomy())
        .map_err(failed("opening a publisher"))?;
    bystander.settle(&router.outlet).await?;
    witness.settle(&router.outlet).await?;
    let mut sent = 0;
    router.be_honest_until_met(&publisher, &mut witness, &mut sent).await?;

    let before = (witness.stats(), bystander.stats());
    let met: BTreeSet<u64> = witness.seen.keys().map(|(_, number)| *number).collect();
    let (missing, belated) = (witness.missing, witness.belated);
    let frames = router.collect(&publisher, settings.n, &mut sent)?;
    let (to_do, deeds) = errands(&frames, &mut Random::new(settings.seed));
    for errand in &to_do {
        match errand {
            Errand::Put(frame) => put(&router.outlet, &router.topic, frame)?,
            Errand::Redirect(frame) => put(&router.outlet, &router.other_topic, frame)?,
        }
        witness.look();
    }
    bystander.settle(&router.outlet).await?;
    bystander.account(&before.1, deeds.redirected).await;
    witness.settle(&router.outlet).await?;
    witness.account(&before.0, deeds.hostile - deeds.redirected).await;
    witness.await_total((met.len() + deeds.passed.len()) as u64).await;

    report.refuse_since(&before.0, &witness.stats());
    report.refuse_since(&before.1, &bystander.stats());
    let gaps = (witness.missing - missing).saturating_sub(witness.belated - belated);
    judge(&mut report, &deeds, &met, &witness, gaps);
    report.delivered += bystander.total();
    Ok(report)
}

fn judge(report: &mut Report, deeds: &Deeds, met: &BTreeSet<u64>, witness: &Witness, gaps: u64) {
    report.tried = deeds.hostile;
    report.genuine = deeds.passed.len() as u64;
    let seen: BTreeSet<u64> = witness.seen.keys().map(|(_, number)| *number).collect();
    report.genuine_delivered = deeds.passed.intersection(&seen).count() as u64;
    let never_passed = seen
        .iter()
        .filter(|number| !met.contains(number) && !deeds.passed.contains(number));
    report.delivered = witness.wrong + witness.repeated() + never_passed.count() as u64;
    report.measure("altered", deeds.altered);
    report.measure("redirected", deeds.redirected);
    report.measure("duplicated", deeds.duplicated);
    report.measure("reordered", deeds.held);
    report.measure("dropped", deeds.dropped.len());
    report.measure("gaps_reported", gaps);
    if gaps != deeds.dropped.len() as u64 {
        report.problem(format!(
            "{gaps} messages were reported missing and {} were dropped",
            deeds.dropped.len()
        ));
    }
    if let (Some(first), Some(last)) = (deeds.passed.first(), deeds.passed.last()) {
        let not_seen: BTreeSet<u64> = (*first..=*last).filter(|number| !seen.contains(number)).collect();
        if not_seen != deeds.dropped {
            report.problem("the numbers that are missing are not those that were dropped".to_owned());
        }
    }
}

struct Router {
    capture: Capture,
    outlet: Adversary,
    topic: TopicName,
    other_topic: TopicName,
}

impl Router {
    async fn be_honest_until_met(
        &self,
        publisher: &Publisher<msg::String>,
        witness: &mut Witness,
        sent: &mut u64,
    ) -> Result<(), ProveError> {
        let end = Instant::now() + DEADLINE;
        let mut newest = 0;
        // Until the last one published has arrived: nothing is on its way any more.
        while newest == 0 || !witness.seen.keys().any(|(_, number)| *number == newest) {
            if Instant::now() > end {
                return Err(late("the first message through the router"));
            }
            if newest == 0 || witness.seen.is_empty() {
                publish(publisher, 1, sent)?;
            }
            for _ in 0..10 {
                while let Some(frame) = self.capture.try_next() {
                    newest = numbers(&frame).last().unwrap_or(newest);
                    put(&self.outlet, &self.topic, &frame)?;
                }
                witness.look();
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        Ok(())
    }

    /// Takes frames off the near network until so many messages are in them.
    fn collect(
        &self,
        publisher: &Publisher<msg::String>,
        count: u64,
        sent: &mut u64,
    ) -> Result<Vec<Vec<u8>>, ProveError> {
        let (mut frames, last) = (Vec::new(), *sent + count.max(3));
        let mut newest = *sent;
        while *sent < last {
            publish(publisher, BURST.min(last - *sent), sent)?;
            while newest < *sent {
                let taken = self.capture.next(DEADLINE);
                let frame = taken.ok_or_else(|| late("a frame that the router takes"))?;
                newest = numbers(&frame).last().unwrap_or(newest);
                frames.push(frame);
            }
        }
        Ok(frames)
    }
}
