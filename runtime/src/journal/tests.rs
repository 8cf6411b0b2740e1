//! What a journal gives back: whole, torn, damaged, full, or held by somebody else.

use std::fs;
use std::process::Command;

use super::*;
use crate::security::context::Context;
use crate::security::frame::{Accompaniment, FrameWriter, Header, Kind, Layout, Writer};
use crate::security::key::Identity;
use crate::security::signer;

const LARGE: u64 = 64 << 20;

fn place(type_name: &str) -> Place {
    Place {
        domain: "0".to_owned(),
        topic: "/tasks".to_owned(),
        type_name: type_name.to_owned(),
        type_hash: "ab".to_owned(),
        key: "did:key:z".to_owned(),
        writer: 7,
    }
}

fn open(dir: &Path) -> Result<Journal, JournalError> {
    Journal::open(dir, place("a"), LARGE, 5)
}

/// A frame with the messages `first ..= last`, of so many bytes without zeros each.
fn frame(first: u64, last: u64, len: usize) -> Bytes {
    let header = Header {
        kind: Kind::Message,
        replay: false,
        key: Identity::from_seed(&[7; 32]).public_key(),
        writer: Writer(7),
        epoch: 5,
        first_number: first,
        first_time_ns: 1_700_000_000_000_000_000,
        type_hash_prefix: [0xab; 8],
    };
    let none = Accompaniment::default();
    let mut writer = FrameWriter::new(Vec::new(), &header, none);
    for number in first..=last {
        let payload = |bytes: &mut Vec<u8>| {
            bytes.extend((0..len).map(|at| 1 + ((at as u64 * 7 + number) % 255) as u8));
            Ok::<(), ()>(())
        };
        writer.push(header.first_time_ns, none, payload).unwrap();
    }
    let context = Context::new(
        &crate::name::Domain::default(),
        "/tasks",
        "a",
        &nuncio_msgs::TypeHash::from_bytes([0xab; 32]),
        Kind::Message,
        &[],
    );
    signer::seal(&Identity::from_seed(&[7; 32]), writer.finish(), &context).into()
}

fn numbers(journal: &Journal) -> Vec<u64> {
    let frames = journal.read(1, u64::MAX).unwrap();
    let numbers = frames.iter().flat_map(|frame| {
        let layout = Layout::parse(frame.as_slice()).unwrap();
        layout.header.first_number..=layout.last_number()
    });
    numbers.collect()
}

/// A journal with three batches of which the second has two records; gives the file and where the batches end.
fn three_batches(dir: &Path, len: usize) -> (PathBuf, Vec<usize>) {
    let mut journal = open(dir).unwrap();
    let mut ends = vec![journal.segments[0].len];
    for frames in [
        vec![frame(1, 2, len)],
        vec![frame(3, 3, len), frame(4, 6, len)],
        vec![frame(7, 7, len)],
    ] {
        journal.append(&frames).unwrap();
        ends.push(journal.segments[0].len);
    }
    (journal.segments[0].path.clone(), ends)
}

#[test]
fn what_was_appended_is_there_after_a_restart_and_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    three_batches(dir.path(), 40);
    let mut journal = open(dir.path()).unwrap();
    assert_eq!(numbers(&journal), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(
        (journal.next_number(), journal.since_epoch(), journal.acknowledged()),
        (8, 5, 0)
    );
    assert_eq!(journal.read(4, 5).unwrap().len(), 1);
    assert_eq!(
        journal.read(4, 5).unwrap()[0].as_slice(),
        frame(4, 6, 40).as_slice(),
        "as it was signed"
    );
    journal.append(&[frame(8, 9, 40)]).unwrap();
    drop(journal);
    assert_eq!(numbers(&open(dir.path()).unwrap()), (1..=9).collect::<Vec<_>>());
}

#[test]
fn a_torn_tail_is_cut_wherever_it_is_torn_and_nothing_before_it_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (path, ends) = three_batches(dir.path(), 40);
    let whole = fs::read(&path).unwrap();
    for len in ends[0]..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        let mut journal = open(dir.path()).unwrap_or_else(|error| panic!("{len}: {error}"));
        let kept = numbers(&journal);
        let whole_batches = [0, 2, 6, 7][ends.iter().filter(|end| **end <= len).count() - 1];
        assert!(kept.len() as u64 >= whole_batches, "{len}: {kept:?}");
        assert_eq!(kept, (1..=kept.len() as u64).collect::<Vec<_>>());
        let next = journal.next_number();
        journal.append(&[frame(next, next, 40)]).unwrap();
        drop(journal);
        assert_eq!(numbers(&open(dir.path()).unwrap()).last(), Some(&next), "{len}");
    }
    for len in 0..ends[0] {
        fs::write(&path, &whole[..len]).unwrap();
        let is_damaged = matches!(open(dir.path()), Err(JournalError::Damaged { offset: 0, .. }));
        assert!(is_damaged || whole[len..ends[0]].iter().all(|byte| *byte == 0), "{len}");
    }
}

#[test]
fn every_changed_byte_is_damage_that_names_file_and_place() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = three_batches(dir.path(), 40);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for change in [1 << (at % 8), 0xff] {
            let mut bad = whole.clone();
            bad[at] ^= change;
            fs::write(&path, &bad).unwrap();
            let Err(JournalError::Damaged {
                path: found, offset, ..
            }) = open(dir.path())
            else {
                panic!("byte {at} ^ {change:#x} was not noticed");
            };
            assert!(found == path && offset <= at, "byte {at}");
        }
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(numbers(&open(dir.path()).unwrap()).len(), 7);
}

#[test]
fn a_sector_that_was_never_written_is_torn_in_the_last_batch_and_damage_before() {
    let dir = tempfile::tempdir().unwrap();
    let (path, ends) = three_batches(dir.path(), 1500);
    let whole = fs::read(&path).unwrap();
    for sector in 0..whole.len().div_ceil(512) {
        let (from, to) = (sector * 512, (sector * 512 + 512).min(whole.len()));
        let mut bad = whole.clone();
        bad[from..to].fill(0);
        fs::write(&path, &bad).unwrap();
        let opened = open(dir.path());
        if from >= ends[2] {
            assert_eq!(numbers(&opened.unwrap()), [1, 2, 3, 4, 5, 6], "sector {sector}");
        } else {
            assert!(matches!(opened, Err(JournalError::Damaged { .. })), "sector {sector}");
        }
    }
    // All of the last batch may be missing, and some of it there out of turn.
    let mut journal = {
        fs::write(&path, &whole).unwrap();
        open(dir.path()).unwrap()
    };
    let before = fs::read(&path).unwrap().len();
    journal
        .append(&[frame(8, 8, 1500), frame(9, 9, 1500), frame(10, 10, 1500)])
        .unwrap();
    drop(journal);
    let mut bad = fs::read(&path).unwrap();
    bad[before..before + 1024].fill(0);
    fs::write(&path, &bad).unwrap();
    assert_eq!(numbers(&open(dir.path()).unwrap()), [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn acknowledged_segments_are_removed_and_numbers_go_on_when_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Journal::open(dir.path(), place("a"), 4096, 5).unwrap();
    let mut journal = small();
    for number in 1..=40 {
        journal.append(&[frame(number, number, 200)]).unwrap();
    }
    let files = || fs::read_dir(dir.path()).unwrap().count();
    assert!(files() > 8);
    let waiting = journal.waiting_bytes();
    journal.acknowledge(20).unwrap();
    assert_eq!(journal.waiting_bytes(), waiting / 2);
    assert!(journal.first_number() > 10 && journal.first_number() <= 21);
    journal.acknowledge(1000).unwrap();
    assert_eq!((journal.waiting_bytes(), journal.acknowledged(), files()), (0, 40, 2));
    journal.tidy().unwrap();
    drop(journal);
    let mut journal = small();
    assert_eq!(
        (numbers(&journal).len(), journal.next_number(), journal.first_number()),
        (0, 41, 41)
    );
    journal.append(&[frame(41, 41, 10)]).unwrap();
    drop(journal);
    assert_eq!(numbers(&small()), [41]);
}

#[test]
fn a_missing_segment_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(dir.path(), place("a"), 4096, 5).unwrap();
    for number in 1..=40 {
        journal.append(&[frame(number, number, 200)]).unwrap();
    }
    let middle = journal.segments[3].path.clone();
    drop(journal);
    fs::remove_file(middle).unwrap();
    assert!(matches!(open(dir.path()), Err(JournalError::Damaged { .. })));
}

#[test]
fn one_publisher_at_a_time_has_a_journal_and_it_is_of_that_publisher() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(JournalError::InUse { .. })));
    drop(journal);
    let other = || Journal::open(dir.path(), place("b"), LARGE, 6);
    drop(other().unwrap());
    drop(open(dir.path()).unwrap());
    journal = open(dir.path()).unwrap();
    journal.append(&[frame(1, 1, 40)]).unwrap();
    drop(journal);
    let error = other().unwrap_err();
    assert!(matches!(error, JournalError::OtherPublisher { .. }), "{error}");
    journal = open(dir.path()).unwrap();
    journal.acknowledge(1).unwrap();
    journal.tidy().unwrap();
    drop(journal);
    assert_eq!(
        other().unwrap().since_epoch(),
        6,
        "nobody waits for anything of the other"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("file");
    fs::write(&place, "").unwrap();
    let error = open(&place).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    let mut journal = open(&dir.path().join("journal")).unwrap();
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    let gone = (1..100_000).find_map(|number| journal.append(&[frame(number, number, 60_000)]).err());
    assert!(
        matches!(gone.unwrap(), JournalError::Io { .. }),
        "the next segment cannot be made"
    );
    assert!(matches!(journal.append(&[]), Err(JournalError::Broken { .. })));
}

/// In a process of its own, whose files may not grow beyond a limit.
#[test]
fn a_full_disk_is_an_error_and_what_was_appended_before_is_there() {
    let Some(dir) = std::env::var_os("NUNCIO_TEST_FULL_DISK") else {
        let dir = tempfile::tempdir().unwrap();
        let test = "journal::tests::a_full_disk_is_an_error_and_what_was_appended_before_is_there";
        // Whoever writes beyond the limit would be killed by a signal, which is ignored here (25 is SIGXFSZ).
        let limited = format!("trap '' 25; ulimit -f 128; exec \"$0\" --exact {test}");
        let mut shell = Command::new("sh");
        let shell = shell.args(["-c", &limited]).arg(std::env::current_exe().unwrap());
        let ended = shell.env("NUNCIO_TEST_FULL_DISK", dir.path()).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
        let appended: u64 = fs::read_to_string(dir.path().join("appended"))
            .unwrap()
            .parse()
            .unwrap();
        assert!(appended > 10);
        assert_eq!(numbers(&open(dir.path()).unwrap()), (1..=appended).collect::<Vec<_>>());
        return;
    };
    let dir = PathBuf::from(dir);
    let mut journal = open(&dir).unwrap();
    let mut number = 1;
    let error = loop {
        match journal.append(&[frame(number, number, 1000)]) {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, JournalError::Io { doing: "writing", .. }), "{error}");
    assert!(matches!(
        journal.append(&[frame(number, number, 1)]),
        Err(JournalError::Broken { .. })
    ));
    fs::write(dir.join("appended"), (number - 1).to_string()).unwrap();
}
