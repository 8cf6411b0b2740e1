//! What is done to a bag after it was recorded is found, with its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcap::records::MessageHeader;
use nuncio_bridge::bag::{
    BagReader, BagSettings, Channel, FaultKind, Role, SealEvent, SealSigner, VerifyOptions, VerifyReport, verify,
};

use crate::mint::{Robot, SECOND_NS, START_NS, bag, files, recorder, settings};

/// A message that stands in a file.
#[derive(Clone)]
pub(crate) struct Rec {
    pub(crate) channel: Arc<Channel>,
    pub(crate) header: MessageHeader,
    pub(crate) data: Vec<u8>,
}

pub(crate) fn records(file: &Path) -> Vec<Rec> {
    let mut reader = BagReader::open(file).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push(Rec {
            channel: Arc::clone(record.channel),
            header: record.header(),
            data: record.data.to_vec(),
        });
    }
    records
}

pub(crate) fn write(file: &Path, records: &[Rec]) {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = mcap::WriteOptions::new().profile("ros2").create(&mut bytes).unwrap();
    for record in records {
        let schema = record.channel.schema.as_ref().map_or(0, |schema| {
            writer.add_schema(&schema.name, &schema.encoding, &schema.data).unwrap()
        });
        let channel = &record.channel;
        let channel_id = writer
            .add_channel(schema, &channel.topic, &channel.encoding, &channel.metadata)
            .unwrap();
        writer
            .write_to_known_channel(
                &MessageHeader {
                    channel_id,
                    ..record.header
                },
                &record.data,
            )
            .unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    std::fs::write(file, bytes.into_inner()).unwrap();
}

/// A bag of two topics over some seconds.
fn recorded(dir: &Path, split_at: Option<i64>) -> PathBuf {
    let mut settings = settings(dir);
    settings.max_files = files(9);
    let (mut writer, mut talker, mut turtle) = (
        bag(settings),
        Robot::talker(1),
        Robot::new(2, "/turtle1/cmd_vel", "geometry_msgs/msg/Twist"),
    );
    for second in 1..6 {
        let now_ns = START_NS + second * SECOND_NS;
        let frames = [
            talker.say(&["a", "b", "c"], now_ns - 900),
            turtle.frame(&[serde_json::json!({"linear": {"x": second}})], now_ns - 800),
            talker.say(&["d"], now_ns - 700),
        ];
        for frame in frames {
            let ty = if frame.type_hash == talker.ty.hash() {
                &talker.ty
            } else {
                &turtle.ty
            };
            writer.record(&frame, Some(ty)).unwrap();
        }
        writer.seal(SealEvent::Time, now_ns).unwrap();
        if split_at == Some(second) {
            writer.split(now_ns).unwrap();
        }
    }
    writer.close(START_NS + 9 * SECOND_NS).unwrap();
    dir.join("bag")
}

fn report(path: &Path) -> VerifyReport {
    verify(path, &VerifyOptions::default(), |_, _| {}).unwrap()
}

/// The kinds, topics and numbers of what is found after a change of a bag's only file.
fn found_after(change: impl FnOnce(&mut Vec<Rec>)) -> Vec<(FaultKind, String, u64)> {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), None);
    let file = path.join("bag_0.mcap");
    let mut all = records(&file);
    change(&mut all);
    write(&file, &all);
    let report = report(&path);
    assert_eq!(report.ok, report.faults.is_empty());
    let faults = report.faults.iter();
    faults
        .map(|fault| (fault.kind, fault.topic.clone(), fault.number))
        .collect()
}

fn position(all: &[Rec], role: Role, topic: &str, sequence: u32) -> usize {
    let is = |rec: &Rec| rec.channel.role == role && rec.channel.topic == topic && rec.header.sequence == sequence;
    all.iter().position(is).unwrap()
}

fn one(kind: FaultKind, topic: &str, number: u64) -> Vec<(FaultKind, String, u64)> {
    vec![(kind, topic.to_owned(), number)]
}

const CHATTER: &str = "/chatter";
const FRAMES: &str = "nuncio/frame/chatter";

#[test]
fn an_untouched_bag_is_in_order_and_says_who_has_signed_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), Some(3));
    let report = report(&path);
    assert_eq!(
        (report.faults.as_slice(), report.ok, report.closed),
        (&[][..], true, true)
    );
    assert_eq!(
        (report.messages, report.gaps, report.unsealed, report.files),
        (25, 0, 0, 2)
    );
    let signer = &report.signers[&Robot::talker(1).key().to_string()];
    assert_eq!((signer.messages, signer.trust), (20, "unknown"));
    assert!(signer.nodes.contains("/robot_1"), "{signer:?}");
    let text: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    let keys: Vec<&String> = text.as_object().unwrap().keys().take(5).collect();
    assert_eq!(keys, ["ok", "messages", "signers", "gaps", "faults"]);
}

#[test]
fn a_bag_that_was_only_written_anew_is_still_in_order() {
    assert_eq!(found_after(|_| {}), []);
}

#[test]
fn an_altered_message_is_found_with_its_number() {
    let altered = found_after(|all| {
        let at = position(all, Role::Message, CHATTER, 6);
        let last = all[at].data.len() - 2;
        all[at].data[last] = b'x';
    });
    assert_eq!(altered, one(FaultKind::Altered, CHATTER, 6));
}

#[test]
fn an_altered_or_moved_frame_has_no_signature_that_holds() {
    let altered = found_after(|all| {
        let at = position(all, Role::Frame, FRAMES, 5);
        let last = all[at].data.len() - 100;
        all[at].data[last] ^= 1;
    });
    assert_eq!(altered[0], (FaultKind::Signature, CHATTER.to_owned(), 5), "{altered:?}");
    let moved = found_after(|all| {
        let to = position(all, Role::Frame, "nuncio/frame/turtle1/cmd_vel", 2);
        let from = position(all, Role::Frame, FRAMES, 5);
        all[from].channel = Arc::clone(&all[to].channel);
    });
    assert_eq!(
        moved[0],
        (FaultKind::Signature, "/turtle1/cmd_vel".to_owned(), 5),
        "{moved:?}"
    );
}

#[test]
fn a_message_that_was_taken_out_is_missed() {
    let message = found_after(|all| {
        all.remove(position(all, Role::Message, CHATTER, 6));
    });
    assert_eq!(message, one(FaultKind::Removed, CHATTER, 6));
    let frame_and_messages = found_after(|all| {
        let at = position(all, Role::Frame, FRAMES, 5);
        all.drain(at..at + 4);
    });
    assert_eq!(frame_and_messages, one(FaultKind::Removed, CHATTER, 5));
    let first_of_all = found_after(|all| {
        let at = position(all, Role::Frame, FRAMES, 1);
        all.drain(at..at + 4);
    });
    assert_eq!(first_of_all, one(FaultKind::Removed, CHATTER, 1));
    let last_of_all = found_after(|all| {
        let at = position(all, Role::Frame, FRAMES, 20);
        all.drain(at..at + 2);
    });
    assert_eq!(last_of_all, one(FaultKind::Removed, CHATTER, 20));
}

#[test]
fn a_message_that_was_put_in_is_found() {
    let twice = found_after(|all| {
        let at = position(all, Role::Message, CHATTER, 6);
        all.insert(at, all[at].clone());
    });
    assert_eq!(twice, one(FaultKind::Added, CHATTER, 6));
    let unsigned = found_after(|all| {
        let at = position(all, Role::Seal, "nuncio/seal", 2);
        let mut made = all[position(all, Role::Message, CHATTER, 6)].clone();
        made.header.sequence = 1000;
        all.insert(at, made);
    });
    assert_eq!(unsigned, one(FaultKind::Added, CHATTER, 1000));
    let signed = found_after(|all| {
        let mut talker = Robot::talker(1);
        talker.number = 21;
        let at = position(all, Role::Frame, FRAMES, 20);
        let mut frame = all[at].clone();
        (frame.header.sequence, frame.data) = (21, talker.say(&["d"], START_NS).bytes);
        frame.header.publish_time = START_NS as u64;
        let mut message = all[at + 1].clone();
        (message.header.sequence, message.header.publish_time) = (21, START_NS as u64);
        all.splice(at + 2..at + 2, [frame, message]);
    });
    assert_eq!(signed, one(FaultKind::Added, CHATTER, 21));
}

#[test]
fn a_frame_that_was_repeated_is_found() {
    let repeated = found_after(|all| {
        let at = position(all, Role::Frame, FRAMES, 8);
        let copy = all[at..at + 2].to_vec();
        all.splice(at + 2..at + 2, copy);
    });
    assert_eq!(repeated, one(FaultKind::Added, CHATTER, 8));
}

#[test]
fn another_order_is_found() {
    let messages = found_after(|all| {
        let at = position(all, Role::Message, CHATTER, 6);
        all.swap(at, at + 1);
    });
    assert_eq!(messages, one(FaultKind::Reordered, CHATTER, 6));
    let frames = found_after(|all| {
        let (first, second) = (
            position(all, Role::Frame, FRAMES, 5),
            position(all, Role::Frame, FRAMES, 8),
        );
        let later: Vec<Rec> = all.drain(second..second + 2).collect();
        all.splice(first..first, later);
    });
    assert_eq!(frames, one(FaultKind::Reordered, CHATTER, 5));
}

#[test]
fn a_message_that_was_dated_back_is_found() {
    let message = found_after(|all| {
        let at = position(all, Role::Message, CHATTER, 6);
        all[at].header.log_time -= 1;
    });
    assert_eq!(message, one(FaultKind::Backdated, CHATTER, 6));
    let everything = found_after(|all| {
        let at = position(all, Role::Frame, FRAMES, 5);
        all[at..at + 4].iter_mut().for_each(|rec| rec.header.log_time -= 100);
    });
    assert_eq!(everything, one(FaultKind::Seal, "", 2));
    let far = found_after(|all| {
        let at = position(all, Role::Frame, FRAMES, 5);
        let day = 86_400_000_000_000;
        all[at..at + 4].iter_mut().for_each(|rec| rec.header.log_time -= day);
    });
    assert!(far.contains(&(FaultKind::Backdated, CHATTER.to_owned(), 5)), "{far:?}");
}

#[test]
fn a_seal_that_is_missing_altered_or_moved_is_found() {
    let missing = found_after(|all| {
        all.remove(position(all, Role::Seal, "nuncio/seal", 3));
    });
    assert_eq!(missing[0], (FaultKind::Cut, String::new(), 4), "{missing:?}");
    let altered = found_after(|all| {
        let at = position(all, Role::Seal, "nuncio/seal", 3);
        all[at].data[90] ^= 1;
    });
    assert_eq!(altered[0], (FaultKind::Seal, String::new(), 3), "{altered:?}");
    let swapped = found_after(|all| {
        let (one, other) = (
            position(all, Role::Seal, "nuncio/seal", 3),
            position(all, Role::Seal, "nuncio/seal", 4),
        );
        all.swap(one, other);
    });
    assert_eq!(swapped[0].0, FaultKind::Cut, "{swapped:?}");
}

#[test]
fn a_bag_without_its_beginning_is_cut_and_one_without_its_end_is_not_closed() {
    let beginning = found_after(|all| {
        let at = position(all, Role::Seal, "nuncio/seal", 2);
        all.drain(..at);
    });
    assert_eq!(beginning[0].0, FaultKind::Cut, "{beginning:?}");
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), None);
    let file = path.join("bag_0.mcap");
    let mut all = records(&file);
    let at = position(&all, Role::Seal, "nuncio/seal", 4);
    all.truncate(at + 5);
    write(&file, &all);
    let report = report(&path);
    assert_eq!(
        (report.ok, report.closed, report.unsealed),
        (true, false, 3),
        "{:?}",
        report.faults
    );
    assert!(!report.notes.is_empty());
}

#[test]
fn a_file_that_is_gone_is_missed_and_one_that_made_room_is_not() {
    for (gone, kind) in [("bag_0.mcap", FaultKind::Cut), ("bag_1.mcap", FaultKind::Cut)] {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = bag(settings(dir.path()));
        for second in 1..4 {
            writer.split(START_NS + second * SECOND_NS).unwrap();
        }
        writer.close(START_NS + 9 * SECOND_NS).unwrap();
        let path = dir.path().join("bag");
        assert!(report(&path).ok);
        std::fs::remove_file(path.join(gone)).unwrap();
        assert_eq!(
            report(&path).faults.first().map(|fault| fault.kind),
            Some(kind),
            "{gone}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.max_files = files(2);
    let mut writer = bag(settings);
    let mut talker = Robot::talker(1);
    for second in 1..5 {
        let frame = talker.say(&["a"], START_NS + second * SECOND_NS);
        writer.record(&frame, Some(&talker.ty)).unwrap();
        writer.split(START_NS + second * SECOND_NS + 2000).unwrap();
    }
    writer.close(START_NS + 9 * SECOND_NS).unwrap();
    let report = report(&dir.path().join("bag"));
    assert_eq!((report.ok, report.messages), (true, 1), "{:?}", report.faults);
}

#[test]
fn losses_and_what_was_left_out_are_told_and_are_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, mut robot) = (bag(settings(dir.path())), Robot::talker(1));
    let frames: Vec<_> = (0..8).map(|at| robot.say(&["x", "y"], START_NS + at)).collect();
    for at in [0, 2, 4, 3, 7] {
        writer.record(&frames[at], Some(&robot.ty)).unwrap();
        if at == 2 {
            writer.skip(&frames[5]);
            writer.seal(SealEvent::Pause, START_NS + SECOND_NS).unwrap();
        }
    }
    writer.close(START_NS + 2 * SECOND_NS).unwrap();
    let report = report(&dir.path().join("bag"));
    assert_eq!((report.ok, report.messages), (true, 10), "{:?}", report.faults);
    assert_eq!((report.gaps, report.skipped), (4, 2));
}

#[test]
fn what_was_left_out_or_lost_before_the_first_message_is_told_and_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, mut robot) = (bag(settings(dir.path())), Robot::talker(1));
    let frames: Vec<_> = (0..6).map(|at| robot.say(&["x", "y"], START_NS + at)).collect();
    writer.skip(&frames[1]);
    writer.skip(&frames[3]);
    writer.record(&frames[4], Some(&robot.ty)).unwrap();
    writer.record(&frames[5], Some(&robot.ty)).unwrap();
    writer.close(START_NS + SECOND_NS).unwrap();
    let path = dir.path().join("bag");
    let found = report(&path);
    assert!(found.ok, "{:?}", found.faults);
    assert_eq!((found.messages, found.gaps, found.skipped), (4, 2, 4));

    let file = path.join("bag_0.mcap");
    let mut all = records(&file);
    let at = position(&all, Role::Frame, FRAMES, 9);
    all.drain(at..at + 3);
    write(&file, &all);
    let faults = report(&path).faults;
    assert_eq!(
        (faults[0].kind, faults[0].number),
        (FaultKind::Removed, 9),
        "{faults:?}"
    );
}

#[test]
fn a_key_that_was_revoked_is_told_once_for_each_topic() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path(), None);
    let key = Robot::talker(1).key();
    let policy = nuncio::TrustPolicy::in_mode(nuncio::TrustMode::Observe).with_revocations(&[(key, START_NS)]);
    let options = VerifyOptions {
        policy: Some(policy),
        ..VerifyOptions::default()
    };
    let report = verify(&path, &options, |_, _| {}).unwrap();
    let faults: Vec<_> = report
        .faults
        .iter()
        .map(|fault| (fault.kind, fault.topic.as_str()))
        .collect();
    assert_eq!(faults, [(FaultKind::Revoked, CHATTER)]);
    assert_eq!(report.signers[&key.to_string()].trust, "revoked");
}

#[test]
fn a_bag_that_somebody_else_has_sealed_is_not_that_of_the_recorder() {
    let dir = tempfile::tempdir().unwrap();
    let somebody = SealSigner {
        identity: nuncio::Identity::from_seed(&[98; 32]),
        ..recorder()
    };
    let (ours, theirs) = (recorder().identity.public_key(), somebody.identity.public_key());
    let mut talker = Robot::talker(1);
    let mut writer = bag(BagSettings::new(dir.path().join("bag"), somebody));
    writer.record(&talker.say(&["a"], START_NS), Some(&talker.ty)).unwrap();
    writer.close(START_NS + SECOND_NS).unwrap();
    let verdict = |recorder| {
        let options = VerifyOptions {
            recorder,
            ..VerifyOptions::default()
        };
        let report = verify(&dir.path().join("bag"), &options, |_, _| {}).unwrap();
        let kinds: Vec<FaultKind> = report.faults.iter().map(|fault| fault.kind).collect();
        assert_eq!(report.recorder, theirs.to_string());
        (report.ok, report.recorder_pinned, kinds)
    };
    assert_eq!(verdict(None), (true, false, vec![]));
    assert_eq!(verdict(Some(theirs)), (true, true, vec![]));
    assert_eq!(verdict(Some(ours)), (false, false, vec![FaultKind::Recorder]));
}

#[test]
fn a_schema_that_was_exchanged_is_found() {
    let exchanged = found_after(|all| {
        let at = position(all, Role::Message, CHATTER, 1);
        let channel = (*all[at].channel).clone();
        let schema = nuncio_bridge::bag::bag_reader::Schema {
            data: b"string text\n".to_vec(),
            ..(**channel.schema.as_ref().unwrap()).clone()
        };
        let made = Arc::new(Channel {
            schema: Some(Arc::new(schema)),
            ..channel
        });
        let of = |rec: &Rec| rec.channel.topic == CHATTER;
        all.iter_mut()
            .filter(|rec| of(rec))
            .for_each(|rec| rec.channel = Arc::clone(&made));
    });
    assert_eq!(
        exchanged[0],
        (FaultKind::Schema, CHATTER.to_owned(), 1),
        "{exchanged:?}"
    );
}
