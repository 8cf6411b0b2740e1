//! What the other processes of an attack do. Each says a line when it is ready, and ends when its standard input does.

use std::collections::BTreeMap;
use std::time::Duration;

use nuncio::msgs::nuncio_msgs::msg::EmergencyStop;
use nuncio::{Keystore, LinkConfig, Node, clock, time_from_ns};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

use super::witness::roomy;
use super::{durable_parts, flooder};
use crate::cli::{GlobalArgs, Part, ProvePart};
use crate::commands::{CommandError, Outcome};
use crate::render::Render;

/// The topic of all of them.
pub(super) const TOPIC: &str = "/emergency_stop";

/// After how many messages a listener says what it has refused.
const STATS_EVERY: u64 = 25;

/// Does one part until whoever wants it is gone.
pub(crate) async fn run(global: &GlobalArgs, render: &Render, args: ProvePart) -> Result<Outcome, CommandError> {
    let link = LinkConfig {
        listen: global.listen.clone(),
        connect: global.connect.clone(),
        discovery: global.discovery,
        ..LinkConfig::default()
    };
    let begin = Notify::new();
    let part = async {
        match args.part {
            Part::Talker => talk(global, render, link, args.rate).await,
            Part::Listener => listen(global, render, link).await,
            Part::DurableWriter => durable_parts::write(global, render, link, args.rate, &begin).await,
            Part::LedgerReader => durable_parts::keep_ledger(global, render, link).await,
            Part::CursorReader => durable_parts::keep_cursor(global, render, link).await,
            _ => flooder::flood(global, render, link, &args, &begin).await,
        }
    };
    tokio::select! {
        ended = part => {
            if let Err(error) = &ended {
                // Whoever has started this process does not see its standard error.
                render.hand_over(&json!({ "problem": error.to_string() }))?;
                render.flush()?;
            }
            ended.map(|()| Outcome::Found)
        }
        () = abandoned(&begin) => Ok(Outcome::Found),
    }
}

/// Returns when nobody wants this process any more. A byte before that is the sign to begin.
async fn abandoned(begin: &Notify) {
    let mut byte = [0];
    while tokio::io::stdin().read(&mut byte).await.is_ok_and(|read| read > 0) {
        begin.notify_one();
    }
}

/// Waits for as long as somebody wants this process.
pub(super) async fn stay() {
    std::future::pending::<()>().await;
}

/// What a genuine stop with this number says.
pub(super) fn stop(number: u64) -> EmergencyStop {
    EmergencyStop {
        stamp: time_from_ns(clock::now_ns()),
        stop_id: format!("stop {number}"),
        ..EmergencyStop::default()
    }
}

/// Whether a stop says what the one with this number says.
pub(super) fn is_genuine(stop: &EmergencyStop, number: u64) -> bool {
    stop.stop_id == format!("stop {number}")
}

pub(super) async fn node(name: &str, global: &GlobalArgs, link: LinkConfig) -> Result<Node, CommandError> {
    let keystore = Keystore::open(Keystore::default_dir()?)?;
    let builder = Node::builder(name)
        .domain(global.domain.clone())
        .keystore(keystore)
        .link(link);
    Ok(builder.open().await?)
}

pub(super) fn ready(render: &Render, node: &Node) -> Result<(), CommandError> {
    render.hand_over(&json!({
        "ready": true,
        "time_ns": clock::now_ns(),
        "epoch": node.epoch(),
        "key": node.public_key().to_string(),
    }))?;
    Ok(render.flush()?)
}

async fn talk(global: &GlobalArgs, render: &Render, link: LinkConfig, rate: u64) -> Result<(), CommandError> {
    let node = node("talker", global, link).await?;
    let publisher = node.publisher_with::<EmergencyStop>(TOPIC, roomy())?;
    ready(render, &node)?;
    let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate.max(1)).unwrap_or(u32::MAX));
    for number in 1.. {
        tick.tick().await;
        publisher.publish(&stop(number))?;
    }
    Ok(())
}

async fn listen(global: &GlobalArgs, render: &Render, link: LinkConfig) -> Result<(), CommandError> {
    let node = node("listener", global, link).await?;
    let subscriber = node.subscriber_with::<EmergencyStop>(TOPIC, roomy())?;
    ready(render, &node)?;
    while let Ok(received) = subscriber.recv().await {
        let info = &received.info;
        render.hand_over(&json!({
            "epoch": info.epoch,
            "number": info.number,
            "source_time_ns": info.source_time_ns,
            "missing_before": info.missing_before,
            "live": info.provenance == nuncio::Provenance::Live,
            "genuine": is_genuine(&received.message, info.number),
        }))?;
        if info.number.is_multiple_of(STATS_EVERY) {
            let stats = subscriber.stats();
            let refused: BTreeMap<String, u64> = stats
                .refused
                .iter()
                .map(|(reason, count)| (reason.to_string(), *count))
                .collect();
            render.hand_over(&json!({ "refused": refused, "duplicates": stats.duplicates }))?;
        }
        render.flush()?;
    }
    Ok(())
}
