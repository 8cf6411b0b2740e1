//! Fresh keys, each with one frame whose signature holds, before a real node: no card names them, so none is believed,
//! and the node's memory stays flat.

use nuncio::msgs::std_msgs::msg;
use nuncio::security::context::Context;
use nuncio::security::frame::{FrameWriter, Header, Kind, Writer};
use nuncio::security::signer;
use nuncio::{Accompaniment, Domain, Identity, Message, TopicName, clock};

use super::random::Random;
use super::report::Report;
use super::witness::{Witness, put, roomy};
use super::{ProveError, Settings, failed};
use crate::cli::Attack;
use crate::fabric::{Fabric, meet};

const TOPIC: &str = "/proven";
/// How much the process may grow after the warm-up: less than 90,000 remembered frames would take, and more than the
/// buffers of the link and the allocator do.
const GROWTH_MAX: i64 = 12 << 20;

pub(super) async fn run(settings: Settings) -> Result<Report, ProveError> {
    let mut report = Report::new(Attack::Stranger);
    let doing = "opening a node";
    let generate = || Identity::generate().map_err(failed("making a key"));
    let mut fabric = Fabric::new("prove").map_err(failed(doing))?;
    let listener = fabric
        .node("/", "listener", &generate()?)
        .await
        .map_err(failed(doing))?;
    let mut witness = Witness::new(&listener, TOPIC)?;
    let talker = fabric.node("/", "talker", &generate()?).await.map_err(failed(doing))?;
    let adversary = fabric.adversary().await.map_err(failed(doing))?;
    meet(&talker, &listener, TOPIC).await.map_err(failed(doing))?;
    let publisher = talker
        .publisher_with::<msg::String>(TOPIC, roomy())
        .map_err(failed("opening a publisher"))?;
    let mut sent = 0;
    witness.meet(&publisher, &mut sent).await?;
    witness.settle(&adversary).await?;
    witness.await_total(sent).await;
    let topic = TopicName::parse(TOPIC).map_err(failed("naming a topic"))?;

    let mut random = Random::new(settings.seed);
    let before = witness.stats();
    let (warm_up, mut resident) = (settings.n / 10, 0);
    for tried in 0..settings.n {
        if tried == warm_up {
            witness.settle(&adversary).await?;
            witness.account(&before, tried).await;
            resident = resident_bytes();
        }
        put(&adversary, &topic, &strangers_frame(fabric.domain(), &mut random))?;
        if tried.is_multiple_of(256) {
            // In between, what is genuine arrives.
            super::witness::publish(&publisher, 1, &mut sent)?;
            witness.look();
            tokio::task::yield_now().await;
        }
    }
    witness.settle(&adversary).await?;
    witness.account(&before, settings.n).await;
    let growth = resident_bytes() - resident;
    witness.await_total(sent).await;

    report.tried = settings.n;
    report.genuine = sent;
    report.genuine_delivered = witness.seen.len() as u64;
    report.delivered = witness.total().saturating_sub(sent);
    report.refuse_since(&before, &witness.stats());
    report.measure("memory_growth_bytes", growth);
    report.measure("memory_growth_max_bytes", GROWTH_MAX);
    if growth > GROWTH_MAX {
        report.problem(format!(
            "memory grew by {growth} bytes, at most {GROWTH_MAX} are allowed"
        ));
    }
    Ok(report)
}

/// A message of a key that nobody has seen, right in every way.
fn strangers_frame(domain: &Domain, random: &mut Random) -> Vec<u8> {
    let identity = Identity::from_seed(&random.array());
    let now_ns = clock::now_ns();
    let header = Header {
        kind: Kind::Message,
        replay: false,
        key: identity.public_key(),
        writer: Writer::derive("/stranger", TOPIC, 0),
        epoch: clock::now_ms(),
        first_number: 1,
        first_time_ns: now_ns,
        type_hash_prefix: msg::String::TYPE_HASH.prefix(),
    };
    let mut frame = FrameWriter::new(Vec::new(), &header, Accompaniment::default());
    let pushed = frame.push(now_ns, Accompaniment::default(), |bytes| {
        // The text "forged" as a payload has it.
        bytes.extend_from_slice(b"\x06forged");
        Ok::<(), std::convert::Infallible>(())
    });
    debug_assert!(pushed.is_ok(), "a message without accompaniment fits a frame without");
    let hash = &msg::String::TYPE_HASH;
    let context = Context::new(domain, TOPIC, msg::String::TYPE_NAME, hash, Kind::Message, &[]);
    signer::seal(&identity, frame.finish(), &context)
}

/// How much memory the process has now; 0 where the system does not say.
fn resident_bytes() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<i64>().ok());
    kib.unwrap_or(0) * 1024
}
