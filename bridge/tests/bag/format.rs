//! What is in the files.

use nuncio_bridge::bag::{BagReader, Compression, ReadError, Role, Seal, SealEvent, WriteError};
use serde_json::json;

use crate::mint::{Robot, SECOND_NS, START_NS, bag, files, settings};

/// Topic, sequence and data of every message of a role.
fn read(path: &std::path::Path, role: Role) -> Vec<(String, u32, Vec<u8>)> {
    let mut reader = BagReader::open(path).unwrap();
    let mut found = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        if record.channel.role == role {
            found.push((record.channel.topic.clone(), record.sequence, record.data.to_vec()));
        }
    }
    found
}

fn seals(path: &std::path::Path) -> Vec<Seal> {
    let frames = read(path, Role::Seal);
    let domain = nuncio::Domain::default();
    let open = |frame: &Vec<u8>| {
        nuncio_bridge::bag::seal::open(&Default::default(), &domain, frame)
            .unwrap()
            .0
    };
    frames.iter().map(|(_, _, frame)| open(frame)).collect()
}

#[test]
fn a_bag_has_each_message_in_cdr_and_as_it_was_signed() {
    let dir = tempfile::tempdir().unwrap();
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let place = dir.path().join(compression.to_string());
        std::fs::create_dir(&place).unwrap();
        let mut settings = settings(&place);
        settings.compression = compression;
        let (mut writer, mut robot) = (bag(settings), Robot::talker(1));
        let frame = robot.say(&["a", "b"], START_NS);
        assert_eq!(writer.record(&frame, Some(&robot.ty)).unwrap(), 2);
        assert_eq!(
            writer.record(&frame, Some(&robot.ty)).unwrap(),
            0,
            "it is there already"
        );
        writer.seal(SealEvent::Time, START_NS + SECOND_NS).unwrap();
        let summary = writer.close(START_NS + 2 * SECOND_NS).unwrap();
        assert_eq!(
            (summary.messages, summary.frames, summary.lost, summary.seals),
            (2, 1, 0, 3)
        );
        let path = place.join("bag");
        assert_eq!(
            read(&path, Role::Message),
            [
                ("/chatter".to_owned(), 1, b"\0\x01\0\0\x02\0\0\0a\0".to_vec()),
                ("/chatter".to_owned(), 2, b"\0\x01\0\0\x02\0\0\0b\0".to_vec()),
            ]
        );
        assert_eq!(
            read(&path, Role::Frame),
            [("nuncio/frame/chatter".to_owned(), 1, frame.bytes.clone())]
        );
        assert_eq!(read(&path, Role::Signer).len(), 1);
        let seals = seals(&path);
        let events: Vec<SealEvent> = seals.iter().map(|seal| seal.event).collect();
        assert_eq!(events, [SealEvent::Open, SealEvent::Time, SealEvent::Close]);
        assert_eq!((seals[1].count, seals[1].messages, seals[1].streams[0].last), (4, 2, 2));
        assert_eq!(seals[0].previous, "");
    }
}

#[test]
fn the_file_can_be_read_whole_after_each_commit() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, mut robot) = (bag(settings(dir.path())), Robot::talker(1));
    let path = dir.path().join("bag");
    for count in 1..20 {
        let frame = robot.say(&["hello"], START_NS + i64::from(count));
        writer.record(&frame, Some(&robot.ty)).unwrap();
        writer.commit().unwrap();
        assert_eq!(read(&path, Role::Message).len(), count as usize);
    }
    let bytes = std::fs::read(path.join("bag_0.mcap")).unwrap();
    assert!(
        mcap::Summary::read(&bytes).unwrap().is_none(),
        "there is no summary yet"
    );
    writer.close(START_NS + SECOND_NS).unwrap();
    let bytes = std::fs::read(path.join("bag_0.mcap")).unwrap();
    let summary = mcap::Summary::read(&bytes).unwrap().unwrap();
    assert_eq!(summary.stats.unwrap().message_count, 19 * 2 + 1 + 2);
    assert!(!path.join(".reserve").exists());
}

#[test]
fn a_bag_is_split_and_its_oldest_files_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    (settings.max_bytes, settings.max_files) = (Some(4000), files(2));
    let (mut writer, mut robot) = (bag(settings), Robot::talker(1));
    for second in 1..40 {
        let now_ns = START_NS + second * SECOND_NS;
        let frame = robot.say(&[&format!("{second}")], now_ns);
        writer.record(&frame, Some(&robot.ty)).unwrap();
        writer.seal(SealEvent::Time, now_ns).unwrap();
        writer.split_when_due(now_ns).unwrap();
    }
    let summary = writer.close(START_NS + 60 * SECOND_NS).unwrap();
    assert_eq!(summary.files, 2);
    let path = dir.path().join("bag");
    let reader = BagReader::open(&path).unwrap();
    let names: Vec<_> = reader
        .files()
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let seals = seals(&path);
    let first = seals.first().unwrap();
    assert_eq!(first.event, SealEvent::Open);
    assert_eq!(names[0], format!("bag_{}.mcap", first.file));
    assert_eq!(seals.last().unwrap().first_file, first.file);
    assert_eq!(first.known[0].last + 1, u64::from(read(&path, Role::Message)[0].1));
    let metadata = std::fs::read_to_string(path.join("metadata.yaml")).unwrap();
    assert!(metadata.contains(&format!("    - \"{}\"\n", names[1])), "{metadata}");
}

#[test]
fn what_never_came_is_in_the_seal_with_its_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, mut robot) = (bag(settings(dir.path())), Robot::talker(1));
    let frames: Vec<_> = (0..6).map(|at| robot.say(&["x", "y"], START_NS + at)).collect();
    for at in [0, 2, 3] {
        writer.record(&frames[at], Some(&robot.ty)).unwrap();
    }
    writer.skip(&frames[4]);
    writer.record(&frames[5], Some(&robot.ty)).unwrap();
    let summary = writer.close(START_NS + SECOND_NS).unwrap();
    assert_eq!((summary.messages, summary.lost), (8, 2));
    let seal = &seals(&dir.path().join("bag"))[1];
    let stream = &seal.streams[0];
    assert_eq!((stream.after, stream.last, stream.messages), (0, 12, 8));
    assert_eq!((&stream.lost, &stream.skipped), (&vec![(3, 4)], &vec![(9, 10)]));
}

#[test]
fn a_type_that_is_not_known_is_kept_as_it_was_signed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, mut robot) = (bag(settings(dir.path())), Robot::talker(1));
    let frame = robot.say(&["x"], START_NS);
    writer.record(&frame, None).unwrap();
    let garbage = robot.sign(&[b"\xff\xff".to_vec()], START_NS);
    writer.record(&garbage, Some(&robot.ty)).unwrap();
    assert_eq!(writer.close(START_NS).unwrap().undecodable, 1);
    let path = dir.path().join("bag");
    assert_eq!(
        (read(&path, Role::Frame).len(), read(&path, Role::Message).len()),
        (2, 0)
    );
}

#[test]
fn the_schema_in_the_bag_gives_the_very_type_that_was_signed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, robots) = (
        bag(settings(dir.path())),
        [
            Robot::new(1, "/tf", "tf2_msgs/msg/TFMessage"),
            Robot::new(2, "/request", "std_srvs/srv/SetBool_Request"),
            Robot::new(3, "/sum/_service_event", "example_interfaces/srv/AddTwoInts_Event"),
        ],
    );
    for mut robot in robots {
        let frame = robot.frame(&[json!({})], START_NS);
        writer.record(&frame, Some(&robot.ty)).unwrap();
    }
    writer.close(START_NS).unwrap();
    let mut reader = BagReader::open(&dir.path().join("bag")).unwrap();
    let (mut place, mut seen) = (None, 0);
    while let Some(record) = reader.next_record().unwrap() {
        match record.channel.role {
            Role::Frame => place = Some(record.channel.frame_place().unwrap()),
            Role::Message => {
                let place = place.take().unwrap();
                let schema = record.channel.schema.as_ref().unwrap();
                let ty = place.bridge_type(std::str::from_utf8(&schema.data).unwrap()).unwrap();
                assert_eq!((ty.name(), ty.hash()), (schema.name.as_str(), place.type_hash));
                seen += 1;
            }
            Role::Signer | Role::Seal => {}
        }
    }
    assert_eq!(seen, 3);
}

#[test]
fn a_bag_is_not_written_over_and_nothing_is_no_bag() {
    let dir = tempfile::tempdir().unwrap();
    bag(settings(dir.path())).close(START_NS).unwrap();
    let again = nuncio_bridge::bag::BagWriter::create(settings(dir.path()), [0; 16], START_NS);
    assert!(matches!(again, Err(WriteError::Exists { .. })));
    for path in [dir.path().to_owned(), dir.path().join("none")] {
        assert!(matches!(BagReader::open(&path), Err(ReadError::NotABag { .. })));
    }
}
