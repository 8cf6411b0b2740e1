//! `bag info`, `bag cat`, `bag play` and `bag convert` on a recording of a node in this process.

use std::path::Path;
use std::time::Instant;

use nuncio::msgs::std_msgs::msg::String as Text;
use nuncio::{Provenance, QosProfile, Reason, SubscriptionOptions};
use nuncio_bridge::bag::BagInfo;
use serde_json::json;

use crate::contexts::complete;
use crate::program::{DEADLINE, User, listen, node};

/// Records five texts on /chatter, and gives the key that has signed them.
async fn record(user: &User, bag: &str) -> String {
    let (talker, endpoint) = listen(node("talker", 1)).await;
    let latched = QosProfile::keep_last(10).transient_local();
    let publisher = talker.publisher_with::<Text>("/chatter", latched).expect("a publisher");
    for number in 0..5 {
        let data = format!("text {number}");
        publisher.publish(&Text { data }).expect("it is published");
    }
    let recorder = user.start(&["bag", "record", "-o", bag, "/chatter", "--connect", &endpoint, "--json"]);
    let end = Instant::now() + DEADLINE;
    while BagInfo::read(Path::new(bag), |_, _| {}).map_or(0, |info| info.messages) < 5 {
        assert!(Instant::now() < end, "five messages are recorded");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    recorder.interrupt();
    assert_eq!(recorder.end().code, Some(0));
    talker.public_key().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recording_is_told_printed_and_played_as_what_it_is() {
    let user = User::new();
    let bag = user.path("bag");
    let signer = record(&user, &bag).await;

    let info = user.run(&["bag", "info", &bag, "--json"]);
    assert_eq!(info.code, Some(0), "{info:?}");
    let told = &info.json()[0];
    assert_eq!(
        (&told["messages"], &told["lost"], &told["proven"]),
        (&json!(5), &json!(0), &json!(true))
    );
    assert_eq!(told["topics"][0]["topic"], "/chatter");
    assert_eq!(
        (&told["signers"][0]["key"], &told["signers"][0]["nodes"][0]),
        (&json!(signer), &json!("/talker"))
    );
    assert_eq!(told["seals"]["closed"], true);
    let people = user.run(&["bag", "info", &bag]);
    assert!(people.stdout.contains("5 signed messages, 0 never came"), "{people:?}");

    let cat = user.run(&["bag", "cat", &bag, "--json"]);
    assert_eq!(cat.code, Some(0), "{cat:?}");
    let texts: Vec<_> = cat.json().iter().map(|line| line["message"]["data"].clone()).collect();
    assert_eq!(texts, ["text 0", "text 1", "text 2", "text 3", "text 4"]);
    assert_eq!(
        (&cat.json()[4]["number"], &cat.json()[4]["signer"]),
        (&json!(5), &json!(signer))
    );
    let field = user.run(&["bag", "cat", &bag, "/chatter", "--field", "data", "--times", "1"]);
    assert!(field.stdout.contains("\ntext 0\n---\n"), "{field:?}");
    let wrong = user.run(&["bag", "cat", &bag, "--field", "dta"]);
    assert!(
        wrong.code == Some(2) && wrong.stderr.contains("there is data"),
        "{wrong:?}"
    );
    assert_eq!(user.run(&["bag", "cat", &bag, "/other"]).code, Some(1));

    let (listener, endpoint) = listen(node("listener", 2)).await;
    let options = |accept_replay| SubscriptionOptions {
        accept_replay,
        ..SubscriptionOptions::from(QosProfile::keep_last(10))
    };
    let opened = listener.subscriber_with::<Text>("/again", options(true)).unwrap();
    let live = listener.subscriber_with::<Text>("/again", options(false)).unwrap();
    let play = [
        "bag",
        "play",
        &bag,
        "--remap",
        "/chatter:=/again",
        "--connect",
        &endpoint,
        "--json",
        "--wait",
        "20",
    ];
    let played = user.run(&play);
    assert_eq!(played.code, Some(0), "{played:?}");
    assert_eq!(
        (&played.json()[0]["played"], &played.json()[0]["rounds"]),
        (&json!(5), &json!(1))
    );
    for number in 0..5 {
        let received = tokio::time::timeout(DEADLINE, opened.recv()).await.unwrap().unwrap();
        assert_eq!(received.message.data, format!("text {number}"));
        let info = &received.info;
        assert_eq!(info.provenance, Provenance::Replay);
        assert_eq!(info.origin.as_deref(), Some(format!("bag:{signer}").as_str()));
        assert!(info.cause.is_some() && info.signer.to_string() != signer);
    }
    assert!(live.try_recv().is_err(), "a live subscriber gets nothing of it");
    assert!(live.stats().refused.contains_key(&Reason::ReplayNotAllowed));

    let by_hand = user.start_with_stdin(&[&play[..], &["--step"]].concat(), "\n\n");
    let by_hand = by_hand.end();
    assert_eq!(by_hand.json()[0]["played"], 2, "{by_hand:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_bag_becomes_tables_and_a_plain_recording_which_is_signed_when_it_is_taken_over() {
    let user = User::new();
    let bag = user.path("bag");
    let signer = record(&user, &bag).await;
    let convert = |from: &str, to: &str, dir: &str| {
        let ended = user.run(&["bag", "convert", from, "--to", to, "-o", dir]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    };
    let text = |file: &str| std::fs::read_to_string(user.path(file)).unwrap();

    convert(&bag, "csv", &user.path("csv"));
    let csv = text("csv/chatter.csv");
    assert!(
        csv.starts_with("_received_ns,_stamp_ns,_signer,_node,_number,data\r\n"),
        "{csv}"
    );
    assert!(csv.ends_with(&format!(",{signer},/talker,5,text 4\r\n")), "{csv}");
    convert(&bag, "jsonl", &user.path("jsonl"));
    let lines = text("jsonl/chatter.jsonl");
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((lines.lines().count(), &last["message"]["data"]), (5, &json!("text 4")));
    convert(&bag, "parquet", &user.path("parquet"));
    let parquet = std::fs::read(user.path("parquet/chatter.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let again = user.run(&["bag", "convert", &bag, "--to", "csv", "-o", &user.path("csv")]);
    assert!(
        again.code == Some(2) && again.stderr.contains("is there already"),
        "{again:?}"
    );

    // Without its proof it is a recording as ROS 2 makes them: told, and not shown.
    let plain = user.path("plain");
    convert(&bag, "rosbag2", &plain);
    let info = &user.run(&["bag", "info", &plain, "--json"]).json()[0];
    assert_eq!((&info["proven"], &info["unsigned"]), (&json!(false), &json!(5)));
    let cat = user.run(&["bag", "cat", &plain]);
    assert!(
        cat.code == Some(3) && cat.stdout.is_empty() && cat.stderr.contains("bag convert"),
        "{cat:?}"
    );
    assert_eq!(
        user.run(&["bag", "convert", &plain, "--to", "csv", "-o", &user.path("no")])
            .code,
        Some(3)
    );
    assert_eq!(user.run(&["bag", "play", &plain]).code, Some(1));

    let taken = user.path("taken");
    convert(&plain, "nuncio", &taken);
    let cat = user.run(&["bag", "cat", &taken, "--json"]);
    let messages = cat.json();
    assert_eq!((messages.len(), &messages[4]["message"]["data"]), (5, &json!("text 4")));
    assert_eq!(messages[0]["node"], "/_nuncio_import");
    assert_eq!(messages[0]["origin"], "rosbag2:plain");
    let verified = user.run(&["bag", "verify", &taken, "--json"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(
        verified.json()[0]["notes"][0].as_str().unwrap().starts_with("imported"),
        "{verified:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_recording_is_filtered_and_printed_as_values() {
    let user = User::new();
    let bag = user.path("bag");
    let signer = record(&user, &bag).await;
    let filter = format!("number > 2 && signer == '{signer}' && data != 'text 3'");
    let cat = user.run(&["bag", "cat", &bag, "--filter", &filter, "--csv", "--csv-header"]);
    assert_eq!(
        (cat.code, cat.stdout.as_str()),
        (Some(0), "data\ntext 2\ntext 4\n"),
        "{cat:?}"
    );
    let once = user.run(&["bag", "cat", &bag, "--filter", "number > 2", "--times", "1", "--json"]);
    assert_eq!(once.json()[0]["message"]["data"], "text 2");
    assert!(complete(&user, &["nuncio", "bag", "play", &bag, "/c"]).contains("/chatter"));
    assert!(complete(&user, &["nuncio", "bag", "cat", &bag, "/chatter", "--field", ""]).contains("data"));
    let wrong = user.run(&["bag", "cat", &bag, "--filter", "dta == 'x'"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("did you mean `data`?"), "{wrong:?}");
}
