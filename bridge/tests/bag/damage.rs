//! Every byte of a small bag changed, and the bag cut at every byte: what verification says of it, and that nothing panics.

use std::collections::BTreeSet;
use std::path::Path;

use nuncio_bridge::bag::{BagReader, BagSettings, Compression, VerifyOptions, verify};

use crate::mint::{Robot, SECOND_NS, START_NS, bag, settings};

/// Topic, number, times and data of what stands in a file.
type Found = (String, u32, u64, u64, Vec<u8>);

/// A bag with one message.
fn recorded(dir: &Path, compression: Compression) -> Vec<u8> {
    let mut writer = bag(BagSettings {
        compression,
        ..settings(dir)
    });
    let mut talker = Robot::talker(1);
    writer
        .record(&talker.say(&["hello"], START_NS), Some(&talker.ty))
        .unwrap();
    writer.close(START_NS + SECOND_NS).unwrap();
    std::fs::read(dir.join("bag/bag_0.mcap")).unwrap()
}

/// What a reader finds, up to where it cannot read on.
fn found(file: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    let mut reader = BagReader::open(file).unwrap();
    while let Ok(Some(record)) = reader.next_record() {
        let (header, topic) = (record.header(), record.channel.topic.clone());
        let (sequence, log_time, publish_time) = (header.sequence, header.log_time, header.publish_time);
        found.push((topic, sequence, log_time, publish_time, record.data.to_vec()));
    }
    found
}

/// Verifies bags made of a good one. Gives those that are said to be whole; none is, or is said to be in order, in which
/// anything differs.
fn said_to_be_whole(good: &[u8], damaged: impl Fn(usize) -> Vec<u8> + Sync) -> BTreeSet<usize> {
    let half = |which: usize| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("damaged_0.mcap");
        std::fs::write(&file, good).unwrap();
        let all = found(&file);
        let mut whole = BTreeSet::new();
        for at in (which..good.len()).step_by(2) {
            std::fs::write(&file, damaged(at)).unwrap();
            let report = verify(&file, &VerifyOptions::default(), |_, _| {}).unwrap();
            if report.ok {
                let found = found(&file);
                assert!(
                    all.starts_with(&found),
                    "{at}: said to be in order, and something is altered"
                );
                assert!(
                    !report.closed || found == all,
                    "{at}: said to be whole, and something is missing"
                );
            }
            if report.ok && report.closed {
                whole.insert(at);
            }
        }
        whole
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut whole = half(0);
        whole.append(&mut other.join().unwrap());
        whole
    })
}

/// The records of a file: kind, where it begins, and where the next one does.
fn layout(bytes: &[u8]) -> Vec<(u8, usize, usize)> {
    let (mut records, mut at) = (Vec::new(), 8);
    while at + 8 < bytes.len() {
        let len = u64::from_le_bytes(bytes[at + 1..at + 9].try_into().unwrap());
        let next = at + 9 + usize::try_from(len).unwrap();
        records.push((bytes[at], at, next));
        at = next;
    }
    records
}

const HEADER: u8 = 0x01;
const CHUNK: u8 = 0x06;
const MESSAGE_INDEX: u8 = 0x07;
const DATA_END: u8 = 0x0f;

#[test]
fn no_byte_can_be_changed_but_those_by_which_nothing_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    let good = recorded(dir.path(), Compression::None);
    let whole = said_to_be_whole(&good, |at| {
        let mut changed = good.clone();
        changed[at] ^= 1 << (at % 8);
        changed
    });
    let (mut due, mut open, mut is_over) = (BTreeSet::new(), BTreeSet::new(), false);
    for (kind, at, next) in layout(&good) {
        match kind {
            // What follows the data is for readers that look for something: index, statistics, copies of schemas and channels.
            _ if is_over => due.extend(at..next),
            // Its checksum; and who does not see that the data ends here finds copies of what was there.
            DATA_END => {
                due.extend(at + 9..next);
                open.extend(at..at + 9);
                is_over = true;
            }
            // First and last time of the chunk, and how long it is when it is not compressed.
            CHUNK => due.extend(at + 9..at + 33),
            // By which program it was written; and where in a chunk messages are, which only those use who look for some.
            HEADER | MESSAGE_INDEX => open.extend(at..next),
            _ => {}
        }
    }
    due.extend(good.len() - 8..good.len());
    let missing: Vec<_> = due.difference(&whole).collect();
    assert!(missing.is_empty(), "{missing:?} are believed");
    let unnoticed: Vec<_> = whole.difference(&due).filter(|at| !open.contains(at)).collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?} can be changed");
}

#[test]
fn no_cut_is_said_to_be_whole_before_the_end_of_the_data() {
    let dir = tempfile::tempdir().unwrap();
    let good = recorded(dir.path(), Compression::None);
    let whole = said_to_be_whole(&good, |at| good[..at].to_vec());
    let end = layout(&good).into_iter().find(|(kind, ..)| *kind == DATA_END).unwrap();
    assert_eq!(whole, (end.1..good.len()).filter(|at| whole.contains(at)).collect());
}

#[test]
fn no_change_of_a_compressed_bag_alters_a_message_unnoticed() {
    let dir = tempfile::tempdir().unwrap();
    for compression in [Compression::Lz4, Compression::Zstd] {
        let place = dir.path().join(compression.to_string());
        std::fs::create_dir(&place).unwrap();
        let good = recorded(&place, compression);
        let data_end = layout(&good)
            .into_iter()
            .find(|(kind, ..)| *kind == DATA_END)
            .unwrap()
            .1;
        said_to_be_whole(&good[..data_end], |at| {
            let mut changed = good.clone();
            changed[at] ^= 1 << (at % 8);
            changed
        });
    }
}
