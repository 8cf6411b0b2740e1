//! The flooder: a process on the network that has no key of anybody's, and puts bad frames as fast as it is told.

use std::thread;
use std::time::{Duration, Instant};

use nuncio::adversary::Adversary;
use nuncio::security::frame::Layout;
use nuncio::{LinkConfig, PublicKey, TopicName};
use serde_json::json;
use tokio::sync::Notify;

use super::parts::{TOPIC, stay};
use super::random::Random;
use super::witness::knock;
use super::{DEADLINE, ProveError, failed, late};
use crate::cli::{GlobalArgs, Part, ProvePart};
use crate::commands::CommandError;
use crate::render::Render;

/// How often it looks whether it is ahead of its rate.
const STEP: Duration = Duration::from_millis(1);

/// How long a knock may go unheard before the next.
const KNOCK_AGAIN: Duration = Duration::from_millis(20);

/// Where the parts of a header stand.
const AFTER_SUITE: usize = 4;
const KEY_AT: usize = 8;
const WRITER_AT: usize = 40;
const EPOCH_AT: usize = 48;
const NUMBER_AT: usize = 56;

/// Overhears a genuine frame, knocks until it is told to begin, floods, and says what was sent in how long.
pub(super) async fn flood(
    global: &GlobalArgs,
    render: &Render,
    link: LinkConfig,
    args: &ProvePart,
    begin: &Notify,
) -> Result<(), CommandError> {
    let adversary = Adversary::join(&link, global.domain.clone()).await?;
    let topic = TopicName::parse(TOPIC)?;
    let overheard = overhear(&adversary, &topic).await?;
    render.hand_over(&json!({ "ready": true }))?;
    render.flush()?;
    knock_until(begin, &adversary, &topic).await?;
    render.hand_over(&json!({ "begun": true }))?;
    render.flush()?;
    let (part, n, rate) = (args.part, args.n, args.rate.max(1));
    let mut random = Random::new(args.seed);
    let work = tokio::task::spawn_blocking(move || {
        let since = Instant::now();
        for sent in 0..n {
            while sent > since.elapsed().as_micros() as u64 * rate / 1_000_000 {
                thread::sleep(STEP);
            }
            attempt(part, &adversary, &topic, &overheard, &mut random)?;
        }
        Ok::<_, ProveError>((adversary, since.elapsed()))
    });
    // The link stays open until everything has left.
    let (_adversary, elapsed) = work.await??;
    render.hand_over(&json!({ "sent": n, "seconds": elapsed.as_secs_f64() }))?;
    render.flush()?;
    stay().await;
    Ok(())
}

/// Puts frames of another version: when one was refused, the way to whoever listens is known to be open.
async fn knock_until(begin: &Notify, adversary: &Adversary, topic: &TopicName) -> Result<(), ProveError> {
    loop {
        adversary.put(topic, &knock(0)).map_err(failed("knocking"))?;
        if tokio::time::timeout(KNOCK_AGAIN, begin.notified()).await.is_ok() {
            return Ok(());
        }
    }
}

async fn overhear(adversary: &Adversary, topic: &TopicName) -> Result<Vec<u8>, ProveError> {
    let capture = adversary.capture(topic).map_err(failed("listening in"))?;
    let end = Instant::now() + DEADLINE;
    while Instant::now() < end {
        let overheard = tokio::time::timeout(DEADLINE, capture.next_async()).await;
        if let Ok(Some(frame)) = overheard
            && Layout::parse(&frame).is_ok()
        {
            return Ok(frame);
        }
    }
    Err(late("a genuine frame to overhear"))
}

fn attempt(
    part: Part,
    adversary: &Adversary,
    topic: &TopicName,
    overheard: &[u8],
    random: &mut Random,
) -> Result<(), ProveError> {
    if part == Part::Questions {
        let key = overheard
            .get(KEY_AT..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .unwrap_or_default();
        let nonce = random.array();
        return adversary
            .ask_for_cards(&PublicKey::from_bytes(key), nonce)
            .map_err(failed("asking for a card"));
    }
    adversary
        .put(topic, &bad_frame(part, overheard, random))
        .map_err(failed("putting a frame"))
}

fn bad_frame(part: Part, overheard: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = overheard.to_vec();
    match part {
        Part::Garbage => bytes
            .iter_mut()
            .skip(AFTER_SUITE)
            .for_each(|byte| *byte = random.byte()),
        // Ahead of all genuine numbers, and with a signature that looks right until it is computed.
        Part::BadSignature => write(&mut bytes, NUMBER_AT, &(1 << 40 | random.bits() >> 32).to_le_bytes()),
        Part::UnknownWriter if random.below(2) == 0 => {
            write(&mut bytes, EPOCH_AT, &(random.bits() | 1 << 63).to_le_bytes())
        }
        Part::UnknownWriter => write(&mut bytes, WRITER_AT, &random.bits().to_le_bytes()),
        _ => write(&mut bytes, KEY_AT, &random.array::<32>()),
    }
    bytes
}

fn write(bytes: &mut [u8], at: usize, what: &[u8]) {
    let places = bytes.iter_mut().skip(at);
    places.zip(what).for_each(|(place, byte)| *place = *byte);
}
