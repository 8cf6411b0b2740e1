//! Durable messages a second: how many a publisher gets onto the disk, with a sync for each and with syncs that are shared, from
//! one task that waits for each message to many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::{Discovery, DurableOptions, DurablePublisher, Identity, Keystore, Node, Reader, SyncWrites};

use super::{BenchError, Settings, failed};
use crate::answers::bench::OutboxMeasured;

/// How many tasks publish at the same time.
const TASKS: [usize; 4] = [1, 4, 16, 64];
/// How much may wait: nobody reads.
const BYTES_MAX: u64 = 4 << 30;

/// What came of so many tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) tasks: usize,
    /// Messages a second with a sync for each.
    pub(crate) each: f64,
    /// Messages a second with shared syncs.
    pub(crate) group: f64,
}

impl Kept {
    /// How many times as many messages shared syncs keep.
    pub(crate) fn ratio(&self) -> f64 {
        self.group / self.each.max(f64::MIN_POSITIVE)
    }

    pub(crate) fn answer(&self) -> OutboxMeasured {
        OutboxMeasured {
            case: "outbox",
            publishers: self.tasks,
            each_per_second: self.each.round(),
            group_per_second: self.group.round(),
            ratio: (self.ratio() * 100.0).round() / 100.0,
        }
    }
}

/// Measures on the disk that has the directory for temporary files.
pub(crate) async fn measure(settings: Settings) -> Result<Vec<Kept>, BenchError> {
    let home = tempfile::tempdir().map_err(failed("making a directory"))?;
    let keystore = Keystore::open(home.path()).map_err(failed("making a keystore"))?;
    let node = Node::builder("outbox").keystore(keystore).discovery(Discovery::Off);
    let node = node.open().await.map_err(failed("opening a node"))?;
    let nobody = Identity::generate().map_err(failed("making a key"))?.public_key();
    let time = settings.sending;
    let mut measured = Vec::new();
    for tasks in TASKS {
        let mut rates = [0.0; 2];
        for (sync, rate) in [SyncWrites::EachMessage, SyncWrites::Group].into_iter().zip(&mut rates) {
            let options = DurableOptions {
                bytes_max: BYTES_MAX,
                sync,
                ..DurableOptions::new([Reader::Key(nobody)])
            };
            let topic = format!("/kept_{tasks}_{sync:?}").to_lowercase();
            let publisher = node.durable_publisher::<Twist>(&topic, options);
            let publisher = Arc::new(publisher.map_err(failed("declaring a publisher"))?);
            *rate = publish(&publisher, tasks, time).await?;
        }
        let [each, group] = rates;
        measured.push(Kept { tasks, each, group });
    }
    node.close().await.map_err(failed("closing a node"))?;
    Ok(measured)
}

/// Messages a second.
async fn publish(publisher: &Arc<DurablePublisher<Twist>>, tasks: usize, time: Duration) -> Result<f64, BenchError> {
    let (count, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let one = || {
        let (publisher, count) = (Arc::clone(publisher), Arc::clone(&count));
        tokio::spawn(async move {
            while start.elapsed() < time {
                publisher.publish(&Twist::default()).await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, nuncio::DurablePublishError>(())
        })
    };
    let publishing: Vec<_> = (0..tasks).map(|_| one()).collect();
    for task in publishing {
        let ended = task.await.map_err(failed("publishing"))?;
        ended.map_err(failed("publishing"))?;
    }
    Ok(count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64())
}
