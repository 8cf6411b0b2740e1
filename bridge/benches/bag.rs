//! What a recording costs beside the `mcap` crate writing the same bytes, and what verifying costs beside the bare signatures.
//! Compare the medians of one run.

#![allow(clippy::unwrap_used, reason = "a benchmark that panics has failed")]

use std::path::PathBuf;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use nuncio::security::key::EnrolledKey;
use nuncio_bridge::bag::{BagReader, BagSettings, Compression, RecordedFrame, SealEvent, VerifyOptions, verify};
use serde_json::json;
use tempfile::TempDir;

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/bag/mint.rs"]
mod mint;

use mint::{Robot, SECOND_NS, START_NS, bag, settings};

/// How many frames are recorded, and how many of them in a second of the recording.
const IMAGES: i64 = 64;
const IMAGES_A_SECOND: i64 = 32;
/// How many frames are verified, each with a signature of its own.
const FRAMES: i64 = 100_000;

fn main() {
    divan::main();
}

/// Images of one megabyte with noise in them, signed.
fn images() -> (Robot, Vec<RecordedFrame>) {
    let mut camera = Robot::new(1, "/camera/image", "sensor_msgs/msg/Image");
    let mut noise = 1_u32;
    let data: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.to_le_bytes()[3]
    })
    .take(1_000_000)
    .collect();
    let image = json!({"height": 1000, "width": 1000, "encoding": "mono8", "step": 1000, "data": data});
    let payload = camera.ty.payload_of(nuncio_bridge::Body::Json(&image)).unwrap();
    let frames = (0..IMAGES).map(|at| {
        camera.sign(
            std::slice::from_ref(&payload),
            START_NS + at * SECOND_NS / IMAGES_A_SECOND,
        )
    });
    let frames = frames.collect();
    (camera, frames)
}

fn record(camera: &Robot, frames: &[RecordedFrame], compression: Compression) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = bag(BagSettings {
        compression,
        ..settings(dir.path())
    });
    for (at, frame) in (1..).zip(frames) {
        writer.record(frame, Some(&camera.ty)).unwrap();
        if at % IMAGES_A_SECOND == 0 {
            writer.seal(SealEvent::Time, frame.received_ns).unwrap();
        }
    }
    writer.close(START_NS + 60 * SECOND_NS).unwrap();
    dir
}

const COMPRESSIONS: [&str; 3] = ["none", "lz4", "zstd"];

/// Images as a recorder writes them: the frame as it was signed, the message in CDR, seals.
#[divan::bench(args = COMPRESSIONS, sample_count = 5)]
fn record_images(bencher: Bencher<'_, '_>, compression: &str) {
    let (camera, frames) = images();
    let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
    bencher
        .counter(BytesCount::new(bytes))
        .bench(|| record(&camera, &frames, compression.parse().unwrap()));
}

/// The same records, which are there already, written with `mcap` and nothing else.
#[divan::bench(args = COMPRESSIONS, sample_count = 5)]
fn write_the_same_with_mcap(bencher: Bencher<'_, '_>, compression: &str) {
    let (camera, frames) = images();
    let dir = record(&camera, &frames, Compression::None);
    let (mut records, mut topics) = (Vec::new(), Vec::new());
    let mut reader = BagReader::open(&dir.path().join("bag")).unwrap();
    while let Some(record) = reader.next_record().unwrap() {
        topics.push(record.channel.topic.clone());
        records.push((record.header(), record.data.to_vec()));
    }
    let compression = match compression {
        "lz4" => Some(mcap::Compression::Lz4),
        "zstd" => Some(mcap::Compression::Zstd),
        _ => None,
    };
    let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let dir = tempfile::tempdir().unwrap();
        let file = std::io::BufWriter::new(std::fs::File::create(dir.path().join("same.mcap")).unwrap());
        let options = mcap::WriteOptions::new()
            .compression(compression)
            .compression_level(1)
            .chunk_size(Some(1 << 20));
        let mut writer = options.create(file).unwrap();
        for ((header, data), topic) in records.iter().zip(&topics) {
            let channel_id = writer.add_channel(0, topic, "bytes", &Default::default()).unwrap();
            let header = mcap::records::MessageHeader { channel_id, ..*header };
            writer.write_to_known_channel(&header, data).unwrap();
        }
        writer.finish().unwrap();
        dir
    });
}

/// A bag of small messages, each with a signature of its own.
fn small() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, mut talker) = (bag(settings(dir.path())), Robot::talker(1));
    for at in 0..FRAMES {
        let now_ns = START_NS + at * 1_000_000;
        let frame = talker.say(&["hello"], now_ns);
        writer.record(&frame, Some(&talker.ty)).unwrap();
        if at % 1000 == 999 {
            writer.seal(SealEvent::Time, now_ns + 2000).unwrap();
        }
    }
    writer.close(START_NS + 1000 * SECOND_NS).unwrap();
    let path = dir.path().join("bag");
    (dir, path)
}

/// `bag verify` on all cores.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn verify_frames(bencher: Bencher<'_, '_>) {
    let (_dir, path) = small();
    bencher.counter(ItemsCount::new(FRAMES as usize)).bench(|| {
        let report = verify(&path, &VerifyOptions::default(), |_, _| {}).unwrap();
        assert!(report.ok && report.messages == FRAMES as u64);
    });
}

/// As many strict verifications, on one core.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn verify_strict(bencher: Bencher<'_, '_>) {
    let identity = nuncio::Identity::from_seed(&[7; 32]);
    let key = EnrolledKey::enrol(identity.public_key()).unwrap();
    let (text, signature) = ([7; 83], identity.sign(&[7; 83]));
    bencher
        .counter(ItemsCount::new(FRAMES as usize))
        .bench(|| (0..FRAMES).all(|_| key.verify(divan::black_box(&text), &signature)));
}
