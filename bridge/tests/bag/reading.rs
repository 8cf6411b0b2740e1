//! What a recording proves is read, and nothing else; what is in it is told.

use std::path::{Path, PathBuf};

use nuncio_bridge::bag::rosbag2_import::{IMPORT_NODE, import};
use nuncio_bridge::bag::{
    BagInfo, BagItem, BagPart, BagSettings, PlayOrder, ProvenMessage, ProvenReader, Role, SealEvent, VerifyOptions,
    verify,
};

use crate::mint::{Robot, SECOND_NS, START_NS, bag, recorder, settings};
use crate::tampering::{records, write};

/// A bag of two robots, of whose first one the third message never came.
fn recorded(dir: &Path) -> PathBuf {
    let (mut writer, mut one, mut two) = (bag(settings(dir)), Robot::talker(1), Robot::talker(2));
    for second in 0..4 {
        let at = START_NS + second * SECOND_NS;
        writer.record(&one.say(&["x"], at), Some(&one.ty)).unwrap();
        writer.record(&two.say(&["y", "z"], at + 10), Some(&two.ty)).unwrap();
        if second == 1 {
            one.say(&["never recorded"], at + 20);
        }
        writer.seal(SealEvent::Time, at + SECOND_NS / 2).unwrap();
    }
    writer.close(START_NS + 5 * SECOND_NS).unwrap();
    dir.join("bag")
}

fn proven(path: &Path) -> (Vec<ProvenMessage>, u64) {
    let mut reader = ProvenReader::open(path).unwrap();
    let (mut messages, mut refused) = (Vec::new(), 0);
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            BagItem::Proven(message) => messages.push(message),
            BagItem::Refused(_) => refused += 1,
            BagItem::Plain { .. } | BagItem::Seal { .. } => {}
        }
    }
    (messages, refused)
}

fn info(path: &Path) -> BagInfo {
    BagInfo::read(path, |_, _| {}).unwrap()
}

#[test]
fn each_signed_message_is_read_once_with_its_signer_and_its_node() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path());
    let (messages, refused) = proven(&path);
    assert_eq!((messages.len(), refused), (12, 0));
    let first = &messages[0];
    let json = first.place.ty().unwrap().json_of(&first.payload).unwrap();
    assert_eq!((json.as_str(), first.number), (r#"{"data":"x"}"#, 1));
    assert_eq!(
        (first.node.as_deref(), first.key),
        (Some("/robot_1"), Robot::talker(1).key())
    );
    assert_eq!((first.source_ns, first.received_ns), (START_NS, START_NS as u64 + 1000));

    // Twice in the file is once in what is read.
    let file = path.join("bag_0.mcap");
    let mut altered = records(&file);
    let again = altered
        .iter()
        .find(|rec| rec.channel.role == Role::Frame)
        .unwrap()
        .clone();
    altered.push(again);
    write(&file, &altered);
    assert_eq!(proven(&path).0.len(), 12);
}

#[test]
fn what_was_altered_is_refused_and_what_is_beside_the_frames_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path());
    let file = path.join("bag_0.mcap");
    let good = records(&file);
    let mut altered = good.clone();
    let frame = altered.iter_mut().find(|rec| rec.channel.role == Role::Frame).unwrap();
    frame.data[90] ^= 1;
    write(&file, &altered);
    let (messages, refused) = proven(&path);
    assert_eq!((messages.len(), refused), (11, 1));
    assert_eq!(info(&path).refused, 1);

    let mut altered = good.clone();
    let plain = altered
        .iter_mut()
        .find(|rec| rec.channel.role == Role::Message)
        .unwrap();
    plain.data[8] = b'!';
    write(&file, &altered);
    let (messages, _) = proven(&path);
    let json = messages[0].place.ty().unwrap().json_of(&messages[0].payload).unwrap();
    assert_eq!((messages.len(), json.as_str()), (12, r#"{"data":"x"}"#));
}

#[test]
fn info_tells_topics_signers_rates_losses_and_seals() {
    let dir = tempfile::tempdir().unwrap();
    let found = info(&recorded(dir.path()));
    assert_eq!(
        (found.messages, found.unsigned, found.refused, found.lost),
        (12, 0, 0, 1)
    );
    let [topic] = found.topics.as_slice() else {
        panic!("one topic was recorded: {found:?}")
    };
    assert_eq!(
        (topic.topic.as_str(), topic.type_name.as_str()),
        ("/chatter", "std_msgs/msg/String")
    );
    assert_eq!(topic.type_hash, Robot::talker(1).ty.hash().to_string());
    assert!((topic.rate_hz - 11.0 / 3.0).abs() < 0.001, "{}", topic.rate_hz);
    assert_eq!(topic.signers.len(), 2);
    let one = Robot::talker(1).key().to_string();
    let signer = found.signers.iter().find(|signer| signer.key == one).unwrap();
    assert_eq!((signer.messages, signer.lost), (4, 1));
    assert!(signer.nodes.contains("/robot_1"));
    let seals = found.seals.unwrap();
    assert_eq!((seals.count, seals.closed, seals.node.as_str()), (6, true, "/recorder"));
    assert_eq!(
        (found.compression.as_str(), found.start_ns),
        ("zstd", START_NS as u64 + 1000)
    );
}

#[test]
fn a_recording_without_frames_proves_nothing_and_is_told_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path());
    let file = path.join("bag_0.mcap");
    let plain: Vec<_> = records(&file)
        .into_iter()
        .filter(|rec| rec.channel.role == Role::Message)
        .collect();
    write(&file, &plain);
    let found = info(&path);
    assert!(!found.proven && found.seals.is_none() && found.signers.is_empty());
    assert_eq!((found.messages, found.unsigned, found.topics[0].unsigned), (0, 12, 12));
    assert!(proven(&path).0.is_empty());
}

#[test]
fn a_torn_file_is_told_with_what_was_before_the_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path());
    let file = path.join("bag_0.mcap");
    let bytes = std::fs::read(&file).unwrap();
    let mut seen = Vec::new();
    for len in (0..bytes.len()).step_by(17) {
        std::fs::write(&file, &bytes[..len]).unwrap();
        let found = info(&path);
        assert!(found.messages <= 12);
        seen.push(found.messages);
    }
    assert!(seen.is_sorted() && seen.last() == Some(&12), "{seen:?}");
}

#[test]
fn messages_are_played_in_the_order_in_which_they_were_received() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path());
    let file = path.join("bag_0.mcap");
    let mut moved = records(&file);
    let frame = moved.iter().position(|rec| rec.channel.role == Role::Frame).unwrap();
    let frame = moved.remove(frame);
    moved.push(frame);
    write(&file, &moved);
    let part = BagPart {
        until: Some(std::time::Duration::from_millis(2500)),
        ..BagPart::default()
    };
    let mut order = PlayOrder::open(&path, part).unwrap();
    let played: Vec<(u64, u64)> = std::iter::from_fn(|| order.next_message())
        .map(|(after, message)| (after, message.number))
        .collect();
    let second = SECOND_NS as u64;
    let due = [
        (0, 1),
        (10, 1),
        (10, 2),
        (second, 2),
        (second + 10, 3),
        (second + 10, 4),
    ];
    assert_eq!(played[..6], due);
    assert_eq!(played.len(), 9);
}

#[test]
fn an_old_recording_of_others_is_taken_over_and_verifies_as_imported() {
    let dir = tempfile::tempdir().unwrap();
    let path = recorded(dir.path());
    let file = path.join("bag_0.mcap");
    let plain: Vec<_> = records(&file)
        .into_iter()
        .filter(|rec| rec.channel.role == Role::Message)
        .collect();
    write(&file, &plain);
    let settings = BagSettings::new(dir.path().join("taken"), recorder());
    let year_later = START_NS + 365 * 86_400 * SECOND_NS;
    let imported = import(&path, &BagPart::default(), settings, year_later, |_, _| {}).unwrap();
    assert_eq!((imported.summary.messages, imported.undecodable), (12, 0));
    assert!(imported.left_out.is_empty() && imported.damage.is_empty());

    let taken = dir.path().join("taken");
    let (messages, refused) = proven(&taken);
    assert_eq!((messages.len(), refused), (12, 0));
    assert_eq!(messages[0].node.as_deref(), Some(IMPORT_NODE));
    assert_eq!(messages[0].origin.as_deref(), Some("rosbag2:bag"));
    assert_eq!(
        (messages[0].source_ns, messages[0].received_ns),
        (START_NS, START_NS as u64 + 1000)
    );
    let report = verify(&taken, &VerifyOptions::default(), |_, _| {}).unwrap();
    assert!(report.ok, "{report:?}");
    assert!(
        report.notes.iter().any(|note| note.starts_with("imported")),
        "{report:?}"
    );
    assert_eq!(report.extract_of[0].bag, "rosbag2:bag");
}
