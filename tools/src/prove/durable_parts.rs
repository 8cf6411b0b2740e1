//! The processes of the attack on durable topics: a publisher and two readers, each ready to be killed at any instant.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nuncio::msgs::nuncio_msgs::msg::EmergencyStop;
use nuncio::{
    Cursor, DurableOptions, DurablePublisher, DurableSubscriber, Keystore, LinkConfig, NodeName, Position, PublicKey,
    QosProfile, Reader, clock, time_from_ns,
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::mpsc;

use super::parts::{TOPIC, node, ready};
use crate::cli::GlobalArgs;
use crate::commands::CommandError;
use crate::render::Render;

/// The ledger's name in the keystore of its reader.
pub(super) const LEDGER: &str = "ledger";
/// How many tasks publish at the same time.
const TASKS: u64 = 4;
/// How many messages the reader with a cursor takes for one acknowledgement, in turns.
const ACKNOWLEDGED_AFTER: [u64; 3] = [1, 8, 32];

/// Publishes until it is told to stop, and says then when all readers have acknowledged everything.
pub(super) async fn write(
    global: &GlobalArgs,
    render: &Render,
    link: LinkConfig,
    rate: u64,
    stop: &Notify,
) -> Result<(), CommandError> {
    let node = node("writer", global, link).await?;
    let reader = |name| NodeName::parse(name).map(Reader::Node);
    let options = DurableOptions::new([reader("/ledger")?, reader("/cursor")?]);
    let publisher = Arc::new(node.durable_publisher::<EmergencyStop>(TOPIC, options)?);
    ready(render, &node)?;
    let (kept, mut told) = mpsc::channel(64);
    let publishing = (0..TASKS).map(|task| {
        let (publisher, kept, epoch) = (Arc::clone(&publisher), kept.clone(), node.epoch());
        let period = Duration::from_secs(TASKS) / u32::try_from(rate.max(1)).unwrap_or(u32::MAX);
        tokio::spawn(publish(publisher, (epoch, task), period, kept))
    });
    let publishing: Vec<_> = publishing.collect();
    drop(kept);
    loop {
        tokio::select! {
            Some(line) = told.recv() => {
                render.hand_over(&line)?;
                render.flush()?;
            }
            () = stop.notified() => break,
        }
    }
    publishing.iter().for_each(tokio::task::JoinHandle::abort);
    // What was published and not said any more is on the disk all the same.
    for task in publishing {
        drop(task.await);
    }
    loop {
        let journal = publisher.journal();
        if journal.readers.iter().all(|(_, through)| *through >= journal.kept) {
            render.hand_over(&json!({ "drained": journal.kept }))?;
            render.flush()?;
            super::parts::stay().await;
        }
        let acknowledged: Vec<_> = journal.readers.iter().map(|(_, through)| *through).collect();
        render.hand_over(&json!({ "waits_for": acknowledged, "of": journal.kept }))?;
        render.flush()?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn publish(
    publisher: Arc<DurablePublisher<EmergencyStop>>,
    (epoch, task): (u64, u64),
    period: Duration,
    kept: mpsc::Sender<Value>,
) {
    let mut tick = tokio::time::interval(period);
    for count in 0_u64.. {
        tick.tick().await;
        let id = format!("{epoch}-{task}-{count}");
        let message = EmergencyStop {
            stamp: time_from_ns(clock::now_ns()),
            stop_id: id.clone(),
            ..EmergencyStop::default()
        };
        let line = match publisher.publish(&message).await {
            Ok(published) => json!({ "kept": published.number, "id": id }),
            Err(error) => json!({ "problem": error.to_string() }),
        };
        if kept.send(line).await.is_err() {
            return;
        }
    }
}

/// Writes each message with its position into a ledger, in one write: the effect and the cursor are one.
pub(super) async fn keep_ledger(global: &GlobalArgs, render: &Render, link: LinkConfig) -> Result<(), CommandError> {
    let node = node("ledger", global, link).await?;
    let path = Keystore::default_dir()?.join(LEDGER);
    let position = last_position(&path)?;
    let cursor = Cursor::Given(position.into_iter().collect());
    let options = QosProfile::keep_last(16).into();
    let subscriber: DurableSubscriber<EmergencyStop> = node.durable_subscriber(TOPIC, options, &cursor)?;
    let mut ledger = File::options().append(true).create(true).open(&path)?;
    ready(render, &node)?;
    while let Ok(received) = subscriber.recv().await {
        let info = &received.info;
        let (id, writer) = (&received.message.stop_id, info.writer.0);
        let line = format!("{} {id} {} {writer} {}\n", info.number, info.signer, info.epoch);
        ledger.write_all(line.as_bytes())?;
        subscriber.acknowledge(info)?;
    }
    Ok(())
}

/// The position in the last line of a ledger. A line that is not whole is taken away.
fn last_position(path: &Path) -> Result<Option<Position>, CommandError> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| text.get(..=end).unwrap_or_default());
    if whole.len() < text.len() {
        fs::write(path, whole)?;
    }
    let position = whole.lines().next_back().and_then(|line| {
        let mut words = line.split(' ');
        let number = words.next()?.parse().ok()?;
        let key = PublicKey::parse(words.nth(1)?).ok()?;
        let writer = nuncio::security::frame::Writer(words.next()?.parse().ok()?);
        let epoch = words.next()?.parse().ok()?;
        Some(Position {
            key,
            writer,
            epoch,
            number,
        })
    });
    Ok(position)
}

/// Keeps a cursor file, and says what it is given and what it has acknowledged.
pub(super) async fn keep_cursor(global: &GlobalArgs, render: &Render, link: LinkConfig) -> Result<(), CommandError> {
    let node = node("cursor", global, link).await?;
    let cursor = Cursor::File(Keystore::default_dir()?.join("cursor"));
    let options = QosProfile::keep_last(16).into();
    let subscriber: DurableSubscriber<EmergencyStop> = node.durable_subscriber(TOPIC, options, &cursor)?;
    let at = subscriber.positions().first().map_or(0, |position| position.number);
    render.hand_over(&json!({ "ready": true, "at": at }))?;
    render.flush()?;
    let (mut turns, mut taken) = (ACKNOWLEDGED_AFTER.iter().cycle(), 0);
    let mut after = 1;
    while let Ok(received) = subscriber.recv().await {
        render.hand_over(&json!({ "given": received.info.number }))?;
        render.flush()?;
        taken += 1;
        if taken >= after || subscriber.stats().queue_len == 0 {
            subscriber.acknowledge(&received.info)?;
            render.hand_over(&json!({ "acknowledged": received.info.number }))?;
            render.flush()?;
            (taken, after) = (0, turns.next().copied().unwrap_or(1));
        }
    }
    Ok(())
}
