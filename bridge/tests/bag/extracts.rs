//! Parts of bags, and bags put together: what stays proved, and what they say of themselves.

use std::path::{Path, PathBuf};

use nuncio_bridge::bag::extract::{Cut, extract, sources};
use nuncio_bridge::bag::{BagSettings, SealEvent, Selection, VerifyOptions, VerifyReport, verify};

use crate::mint::{Robot, SECOND_NS, START_NS, bag, recorder, settings};

/// A bag of two robots over ten seconds; of the first, the fourth second was left out on purpose.
fn recorded(dir: &Path, seeds: [u8; 2]) -> PathBuf {
    std::fs::create_dir(dir).unwrap();
    let mut writer = bag(settings(dir));
    let [first, second] = seeds;
    let mut robots = [Robot::talker(first), Robot::new(second, "/beat", "std_msgs/msg/String")];
    for at in 0..10 {
        let now_ns = START_NS + at * SECOND_NS;
        for (which, robot) in robots.iter_mut().enumerate() {
            let frame = robot.say(&["a", "b"], now_ns + 10 * i64::from(first));
            match (which, at) {
                (0, 4) => writer.skip(&frame),
                _ => assert_eq!(writer.record(&frame, Some(&robot.ty)).unwrap(), 2),
            }
        }
        writer.seal(SealEvent::Time, now_ns + 5000).unwrap();
    }
    writer.close(START_NS + 11 * SECOND_NS).unwrap();
    dir.join("bag")
}

fn extracted(bags: &[PathBuf], cut: &Cut, to: &Path) -> VerifyReport {
    let (domain, extract_of) = sources(bags, |_, _| {}).unwrap();
    assert_eq!(domain, recorder().domain);
    let settings = BagSettings {
        extract_of,
        ..BagSettings::new(to, recorder())
    };
    extract(bags, cut, settings, START_NS + 86_400 * SECOND_NS, |_, _| {}).unwrap();
    verify(to, &VerifyOptions::default(), |_, _| {}).unwrap()
}

#[test]
fn a_slice_is_proved_and_says_what_it_is_a_part_of() {
    let dir = tempfile::tempdir().unwrap();
    let source = recorded(&dir.path().join("one"), [1, 2]);
    let cut = Cut {
        start_ns: Some(START_NS + 2 * SECOND_NS),
        end_ns: Some(START_NS + 7 * SECOND_NS),
        ..Cut::default()
    };
    let report = extracted(&[source], &cut, &dir.path().join("slice"));
    assert_eq!(
        (report.ok, report.messages, report.gaps),
        (true, 18, 0),
        "{:?}",
        report.faults
    );
    assert_eq!(report.skipped, 2, "what was left out on purpose stays so");
    assert_eq!(report.extract_of.len(), 1);
    assert_eq!((report.extract_of[0].seals.len(), report.closed), (12, true));
    assert_eq!(report.extract_of[0].bag, "05".repeat(16));
}

#[test]
fn topics_and_signers_can_be_taken_out() {
    let dir = tempfile::tempdir().unwrap();
    let source = recorded(&dir.path().join("one"), [1, 2]);
    let by_signer = Cut {
        signers: vec![Robot::talker(2).key()],
        ..Cut::default()
    };
    let report = extracted(std::slice::from_ref(&source), &by_signer, &dir.path().join("signer"));
    assert_eq!(
        (report.ok, report.messages, report.signers.len()),
        (true, 20, 1),
        "{:?}",
        report.faults
    );
    let by_topic = Cut {
        selection: Some(Selection {
            topics: vec![nuncio::TopicPattern::parse("/chatter").unwrap()],
            ..Selection::default()
        }),
        ..Cut::default()
    };
    let report = extracted(&[source], &by_topic, &dir.path().join("topic"));
    assert_eq!((report.ok, report.messages), (true, 18), "{:?}", report.faults);
}

#[test]
fn bags_are_merged_in_the_order_of_receipt_and_nothing_is_there_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (
        recorded(&dir.path().join("one"), [1, 2]),
        recorded(&dir.path().join("other"), [3, 4]),
    );
    let bags = [one.clone(), other, one];
    let report = extracted(&bags, &Cut::default(), &dir.path().join("merged"));
    assert_eq!(
        (report.ok, report.messages, report.signers.len()),
        (true, 76, 4),
        "{:?}",
        report.faults
    );
    assert_eq!(report.extract_of.len(), 3);
}

#[test]
fn nothing_is_taken_from_what_is_no_bag() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("foreign.mcap");
    let mut writer = mcap::Writer::new(std::fs::File::create(&file).unwrap()).unwrap();
    writer.finish().unwrap();
    let problem = sources(&[file], |_, _| {}).unwrap_err().to_string();
    assert!(problem.contains("no seals"), "{problem}");
}
