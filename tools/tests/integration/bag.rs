//! `bag`: recordings of nodes in this process, by the binary, which is told to end, killed, or runs out of room.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]
#![allow(clippy::indexing_slicing, reason = "a test that panics has failed, which is its job")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Node, QosProfile};
use nuncio_bridge::bag::{BagItem, ProvenReader, SealEvent, VerifyOptions, VerifyReport, verify};

use crate::program::{DEADLINE, Running, User, listen, node};

/// A node that publishes until it is dropped.
struct Talker {
    node: Node,
    endpoint: String,
    published: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
}

impl Talker {
    /// Publishes texts of a length, with a pause after each ten.
    async fn new(len: usize, pause: Duration) -> Self {
        let (node, endpoint) = listen(node("talker", 1)).await;
        let publisher = node.publisher::<Text>("/chatter").expect("a publisher");
        let (published, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&published), Arc::clone(&ends));
        std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let number = count.load(Ordering::Relaxed);
                let data = format!("{number:0len$}");
                if publisher.publish(&Text { data }).is_err() {
                    return;
                }
                if count.fetch_add(1, Ordering::Relaxed) % 10 == 0 {
                    std::thread::park_timeout(pause);
                }
            }
        });
        Self {
            node,
            endpoint,
            published,
            ends,
        }
    }

    fn record(&self, user: &User, bag: &str, more: &[&str]) -> Running {
        let args = [
            "bag",
            "record",
            "-o",
            bag,
            "-a",
            "--json",
            "--node-name",
            "rec",
            "--connect",
            &self.endpoint,
        ];
        user.start(&[&args, more].concat())
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

fn report(bag: &str) -> VerifyReport {
    verify(Path::new(bag), &VerifyOptions::default(), |_, _| {}).expect("a bag")
}

fn size(bag: &str) -> u64 {
    let Ok(entries) = std::fs::read_dir(bag) else { return 0 };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let files = paths.filter(|path| path.extension().is_some_and(|extension| extension == "mcap"));
    files
        .filter_map(|path| std::fs::metadata(path).ok())
        .map(|facts| facts.len())
        .sum()
}

/// Waits until a bag has so many bytes.
fn wait_for_size(bag: &str, bytes: u64) {
    let end = Instant::now() + DEADLINE;
    while size(bag) < bytes {
        assert!(Instant::now() < end, "{bag} has {} bytes", size(bag));
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_recorded_verifies_and_its_end_says_what_there_is() {
    let (talker, user) = (Talker::new(20, Duration::from_millis(5)).await, User::new());
    let latched = talker
        .node
        .publisher_with::<Text>("/map", QosProfile::keep_last(3).transient_local())
        .unwrap();
    for data in ["a", "b", "c"] {
        latched.publish(&Text { data: data.to_owned() }).unwrap();
    }
    let bag = user.path("bag");
    let recorder = talker.record(&user, &bag, &[]);
    wait_for_size(&bag, 20_000);
    let late = talker.node.publisher::<Text>("/late").unwrap();
    assert!(
        late.wait_for_subscribers(DEADLINE).unwrap(),
        "a topic that comes later is recorded"
    );
    late.publish(&Text {
        data: "here".to_owned(),
    })
    .unwrap();
    wait_for_size(&bag, size(&bag) + 20_000);
    recorder.interrupt();
    let ended = recorder.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = &ended.json()[0];
    let found = report(&bag);
    assert!(found.ok && found.closed, "{:?}", found.faults);
    assert_eq!(
        (said["messages"].as_u64(), said["lost"].as_u64()),
        (Some(found.messages), Some(0))
    );
    let signer = &found.signers[&talker.node.public_key().to_string()];
    assert_eq!((signer.topics["/map"], signer.topics["/late"]), (3, 1));
    let told = user.run(&["bag", "verify", &bag, "--json"]);
    assert_eq!(told.code, Some(0));
    assert_eq!(told.json()[0]["messages"].as_u64(), Some(found.messages));
    let recorder = told.json()[0]["recorder"].as_str().unwrap().to_owned();
    let pinned = user.run(&["bag", "verify", &bag, "--recorder", &recorder, "--json"]);
    assert_eq!(
        (pinned.code, &pinned.json()[0]["recorder_pinned"]),
        (Some(0), &true.into())
    );
    let talkers = talker.node.public_key().to_string();
    let other = user.run(&["bag", "verify", &bag, "--recorder", &talkers]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(
        other
            .stdout
            .starts_with(&format!("recorder: sealed by {recorder} where {talkers}")),
        "{other:?}"
    );
    let text = user.run(&["bag", "verify", &bag]).stdout;
    assert!(
        text.contains(&format!("recorder  {recorder}  -  /rec  not pinned")),
        "{text}"
    );
    let again = talker.record(&user, &bag, &[]).end();
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    let part = user.path("part");
    let filtered = user.run(&["bag", "filter", &bag, "/map", "-o", &part]);
    assert!(filtered.stdout.starts_with("extract of "), "{filtered:?}");
    assert_eq!((report(&part).ok, report(&part).messages), (true, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recorder_is_paused_resumed_and_split_by_service() {
    let (talker, user) = (Talker::new(20, Duration::from_millis(5)).await, User::new());
    let bag = user.path("bag");
    let recorder = talker.record(&user, &bag, &[]);
    wait_for_size(&bag, 10_000);
    for service in ["/rec/pause", "/rec/resume", "/rec/split_bagfile", "/rec/snapshot"] {
        let call = [
            "service",
            "call",
            service,
            "std_srvs/srv/Trigger",
            "{}",
            "--json",
            "--connect",
            &talker.endpoint,
        ];
        let called = User::new().run(&call);
        let response = &called.json()[0];
        let success = response
            .pointer("/response/success")
            .or(response.get("success"))
            .and_then(|s| s.as_bool());
        assert_eq!(success, Some(service != "/rec/snapshot"), "{service}: {called:?}");
    }
    wait_for_size(&bag, size(&bag) + 10_000);
    recorder.interrupt();
    assert_eq!(recorder.end().code, Some(0));
    let found = report(&bag);
    assert!(found.ok && found.closed, "{:?}", found.faults);
    assert_eq!((found.files, found.gaps), (2, 0));
    assert!(found.skipped > 0, "what was left out in the pause is told");
}

/// `NUNCIO_KILLS` says how often.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recorder_that_is_killed_at_any_moment_leaves_a_bag_that_misses_a_second_at_most() {
    let kills: u64 = std::env::var("NUNCIO_KILLS").map_or(5, |kills| kills.parse().unwrap());
    let (talker, user) = (Talker::new(200, Duration::from_millis(2)).await, User::new());
    for kill in 0..kills {
        let bag = user.path(&format!("bag{kill}"));
        let recorder = talker.record(&user, &bag, &[]);
        wait_for_size(&bag, 5000);
        // Some moment, another one each time: steps of a number that has nothing to do with a second.
        std::thread::park_timeout(Duration::from_millis(kill * 377 % 2100));
        let before = talker.published.load(Ordering::Relaxed);
        drop(recorder);
        let killed = talker.published.load(Ordering::Relaxed);
        let found = report(&bag);
        assert!(found.ok && !found.closed, "kill {kill}: {:?}", found.faults);
        assert_eq!(found.gaps, 0, "kill {kill}");
        let mut reader = nuncio_bridge::bag::BagReader::open(Path::new(&bag)).unwrap();
        let mut last = 0;
        while let Some(record) = reader.next_record().unwrap() {
            if record.channel.topic == "/chatter" {
                last = u64::from(record.sequence);
            }
        }
        assert!(
            last > 0 && last <= killed + 1,
            "kill {kill}: {last} of {before} to {killed}"
        );
        // With a pause of 2 ms after each ten, a second is not enough for more.
        assert!(before <= last + 5000, "kill {kill}: {last} of {before}");
        std::fs::remove_dir_all(&bag).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_snapshot_has_the_seconds_before_and_after_it_and_nothing_else() {
    let (talker, user) = (Talker::new(20, Duration::from_millis(5)).await, User::new());
    let bag = user.path("bag");
    let mut recorder = talker.record(&user, &bag, &["--snapshot", "--pre", "1", "--post", "1"]);
    assert!(recorder.talk_within(DEADLINE, "/chatter").is_some());
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(report(&bag).messages, 0, "nothing is written before it is asked for");
    let call = [
        "service",
        "call",
        "/rec/snapshot",
        "std_srvs/srv/Trigger",
        "{}",
        "--connect",
    ];
    let called = User::new().run(&[&call[..], &[&talker.endpoint]].concat());
    assert_eq!(called.code, Some(0), "{called:?}");
    let end = Instant::now() + DEADLINE;
    let snapshots = loop {
        let (snapshots, _) = seals_and_numbers(&bag);
        if snapshots.len() == 2 {
            break snapshots;
        }
        assert!(Instant::now() < end, "the seconds after it are sealed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    recorder.interrupt();
    assert_eq!(recorder.end().code, Some(0));
    let found = report(&bag);
    assert!(found.ok && found.closed, "{:?}", found.faults);
    let (_, messages) = seals_and_numbers(&bag);
    let (second, trigger) = (1_000_000_000, snapshots[0]);
    let (from, until) = (trigger - second, trigger + second);
    assert!(
        messages.iter().all(|(time, _)| (from..=until).contains(time)),
        "{from} to {until}"
    );
    // What the talker publishes comes each millisecond, give or take what a busy machine takes.
    let (first, last) = (messages[0], messages[messages.len() - 1]);
    assert!(
        first.0 < from + second / 2 && last.0 > until - second / 2,
        "{first:?} {last:?}"
    );
    let numbers: Vec<u64> = messages.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, (first.1..=last.1).collect::<Vec<_>>(), "none is missing");
    assert_eq!((found.gaps, found.messages), (0, numbers.len() as u64));
    assert!(found.skipped > 0, "what was left out is told");
}

/// When snapshots were sealed, and receipt and number of each message on /chatter.
fn seals_and_numbers(bag: &str) -> (Vec<u64>, Vec<(u64, u64)>) {
    let mut reader = ProvenReader::open(Path::new(bag)).unwrap();
    let (mut snapshots, mut messages) = (Vec::new(), Vec::new());
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            BagItem::Seal { seal, .. } if seal.event == SealEvent::Snapshot => {
                snapshots.push(u64::try_from(seal.time_ns).unwrap());
            }
            BagItem::Proven(message) if message.topic().as_str() == "/chatter" => {
                messages.push((message.received_ns, message.number));
            }
            _ => {}
        }
    }
    (snapshots, messages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_disk_with_less_room_than_is_to_be_kept_is_not_written_to() {
    let (talker, user) = (Talker::new(20, Duration::from_millis(5)).await, User::new());
    let bag = user.path("bag");
    let ended = talker.record(&user, &bag, &["--min-free", "8000000TB"]).end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--min-free keeps"), "{ended:?}");
    let found = report(&bag);
    assert!(found.ok && found.closed, "{:?}", found.faults);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_full_disk_ends_the_recording_in_order() {
    full_disk("4m", "0", "no room is left").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_disk_that_fills_ends_the_recording_before_it_is_full() {
    full_disk("12m", "6MB", "--min-free keeps 6 MB").await;
}

/// Records on a disk of its own until the recording ends by itself.
async fn full_disk(size: &str, min_free: &str, because: &str) {
    let (talker, user) = (Talker::new(2000, Duration::from_millis(1)).await, User::new());
    let disk = user.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = format!(
        "mount -t tmpfs -o size={size} none {disk} || exit 77; \
         $NUNCIO bag record -o {disk}/bag -a --compression none --min-free {min_free} --json --connect {} ; code=$?; \
         $NUNCIO bag verify {disk}/bag --json; exit $code",
        talker.endpoint
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]);
    let started = user.start_other(&mut command, |command| {
        command
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("NUNCIO", env!("CARGO_BIN_EXE_nuncio"));
        command
            .env("NUNCIO_DISCOVERY", "off")
            .stdin(std::process::Stdio::null());
    });
    let ended = started.unwrap().end();
    if ended.code == Some(77) || ended.code == Some(1) {
        // A mount needs rights that not every machine gives to tests.
        return;
    }
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let said = ended.json();
    assert_eq!(said[0]["closed"], true, "{}", ended.stderr);
    assert!(said[0]["because"].as_str().unwrap().contains(because), "{}", said[0]);
    assert_eq!(
        (said[1]["ok"].as_bool(), said[1]["closed"].as_bool()),
        (Some(true), Some(true)),
        "{}",
        said[1]
    );
    assert_eq!(said[1]["messages"], said[0]["messages"]);
}
