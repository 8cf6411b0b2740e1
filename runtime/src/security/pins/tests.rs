//! First pin wins, people's text stays, and nothing that is not understood is passed over.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::super::key::Identity;
use super::*;

fn key(seed: u8) -> PublicKey {
    Identity::from_seed(&[seed; 32]).public_key()
}

fn keystore_with(text: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, text);
    dir
}

fn put(dir: &TempDir, text: &str) {
    let path = dir.path().join(PIN_FILE);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
}

fn text(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join(PIN_FILE)).unwrap()
}

#[test]
fn a_pin_is_stored_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut pins = Pins::open(dir.path()).unwrap();
    assert_eq!(pins.node("0", "talker"), None);
    assert_eq!(pins.pin_node("0", "talker", key(1)).unwrap(), key(1));
    assert_eq!(pins.pin_topic("0", "/cmd_vel", key(2)).unwrap(), key(2));
    assert_eq!(pins.pin_node("lab", "talker", key(3)).unwrap(), key(3));

    let pins = Pins::open(dir.path()).unwrap();
    assert_eq!(pins.node("0", "talker"), Some(key(1)));
    assert_eq!(pins.topic("0", "/cmd_vel"), Some(key(2)));
    assert_eq!(pins.node("0", "/cmd_vel"), None, "nodes and topics are apart");
    assert_eq!(
        pins.nodes().collect::<Vec<_>>(),
        [("0", "talker", key(1)), ("lab", "talker", key(3))]
    );
    assert_eq!(pins.topics().collect::<Vec<_>>(), [("0", "/cmd_vel", key(2))]);
    let expected = format!(
        "\
# The keys first seen under a node name or on an exclusive topic. Nuncio adds lines here and refuses other keys for
# the same name. Remove a line to let the next key in.

[nodes.0]
talker = \"{}\"

[nodes.lab]
talker = \"{}\"

[topics.0]
\"/cmd_vel\" = \"{}\"
",
        key(1),
        key(3),
        key(2)
    );
    assert_eq!(text(&dir), expected);
}

#[test]
fn the_first_pin_wins_also_over_one_that_was_read_before() {
    let dir = tempfile::tempdir().unwrap();
    let [mut ours, mut theirs] = [Pins::open(dir.path()).unwrap(), Pins::open(dir.path()).unwrap()];
    assert_eq!(theirs.pin_node("0", "arm", key(2)).unwrap(), key(2));
    assert_eq!(ours.node("0", "arm"), None);
    assert_eq!(
        ours.pin_node("0", "arm", key(1)).unwrap(),
        key(2),
        "the other process was first"
    );
    assert_eq!(ours.node("0", "arm"), Some(key(2)));
    assert_eq!(theirs.pin_node("0", "arm", key(2)).unwrap(), key(2));
}

#[test]
fn threads_that_pin_at_once_agree_and_lose_no_pin() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let dir = dir.path();
            scope.spawn(move || {
                let mut pins = Pins::open(dir).unwrap();
                let shared = pins.pin_topic("0", "/cmd_vel", key(seed)).unwrap();
                pins.pin_node("0", &format!("node{seed}"), key(seed)).unwrap();
                assert_eq!(pins.topic("0", "/cmd_vel"), Some(shared));
            });
        }
    });
    let pins = Pins::open(dir.path()).unwrap();
    assert_eq!(pins.nodes().count(), 4);
    assert_eq!(pins.topics().count(), 1);
}

#[test]
fn what_people_wrote_stays() {
    let before = format!(
        "# our robots\n[nodes.\"0\"]\n# the old arm\narm = \"{}\" # bay 3\n\n[topics]\n\"0\" = {{ \"/stop\" = \"{}\" }}\n",
        key(1),
        key(2)
    );
    let dir = keystore_with(&before);
    let mut pins = Pins::open(dir.path()).unwrap();
    pins.pin_node("0", "leg", key(3)).unwrap();
    pins.pin_topic("0", "/go", key(4)).unwrap();
    pins.pin_topic("1", "/go", key(5)).unwrap();
    let after = text(&dir);
    for kept in ["# our robots\n", "# the old arm\n", "# bay 3\n"] {
        assert!(after.contains(kept), "{after}");
    }
    let pins = Pins::open(dir.path()).unwrap();
    assert_eq!(pins.node("0", "arm"), Some(key(1)));
    assert_eq!(pins.node("0", "leg"), Some(key(3)));
    assert_eq!(pins.topic("0", "/stop"), Some(key(2)));
    assert_eq!(pins.topic("0", "/go"), Some(key(4)));
    assert_eq!(pins.topic("1", "/go"), Some(key(5)));
}

#[test]
fn pins_can_be_added_however_the_tables_are_written() {
    for before in [
        String::new(),
        "# nothing yet\n".to_owned(),
        "nodes = {}\n".to_owned(),
        format!("nodes = {{ 0 = {{ arm = \"{}\" }} }}\n", key(1)),
        format!("nodes.0.arm = \"{}\"\n", key(1)),
        format!("nodes.0 = {{ arm = \"{}\" }}\r\n", key(1)),
        format!("[nodes]\n0.arm = \"{}\"\n", key(1)),
        "[topics.0]\n[nodes]\n".to_owned(),
    ] {
        let dir = keystore_with(&before);
        let mut pins = Pins::open(dir.path()).unwrap();
        let had = pins.node("0", "arm");
        for (domain, name, seed) in [("0", "leg", 2), ("lab \"7\"\n", "a.b = [\u{1b}'é", 3)] {
            pins.pin_node(domain, name, key(seed)).unwrap();
            pins.pin_topic(domain, name, key(seed)).unwrap();
        }
        let pins = Pins::open(dir.path()).unwrap_or_else(|error| panic!("{before}: {error}\n{}", text(&dir)));
        assert_eq!(pins.node("0", "arm"), had, "{before}");
        assert_eq!(pins.node("0", "leg"), Some(key(2)), "{before}");
        assert_eq!(pins.topic("lab \"7\"\n", "a.b = [\u{1b}'é"), Some(key(3)), "{before}");
        assert_eq!(pins.nodes().count(), 2 + usize::from(had.is_some()), "{before}");
    }
}

#[test]
fn a_forgotten_name_takes_the_next_key() {
    let dir = tempfile::tempdir().unwrap();
    let mut pins = Pins::open(dir.path()).unwrap();
    pins.pin_node("0", "arm", key(1)).unwrap();
    pins.pin_topic("0", "/arm", key(1)).unwrap();
    let mut other = Pins::open(dir.path()).unwrap();
    assert_eq!(other.forget_node("0", "leg").unwrap(), None);
    assert_eq!(other.forget_node("0", "arm").unwrap(), Some(key(1)));
    assert_eq!(other.forget_topic("0", "/arm").unwrap(), Some(key(1)));
    assert_eq!(pins.node("0", "arm"), Some(key(1)));
    pins.reload().unwrap();
    assert_eq!(pins.node("0", "arm"), None);
    assert_eq!(pins.pin_node("0", "arm", key(2)).unwrap(), key(2));
}

#[test]
fn a_broken_file_is_an_error_with_its_line_and_remedy_and_is_not_touched() {
    for (broken, expected) in [
        ("[nodes.0]\na = 1\nb = = 2\n", "3: expected TOML, found"),
        ("# fine\n[nodes.0\n", "2: expected TOML, found"),
        (
            "[nodes.0]\n\na = 5\n",
            "3: expected \"a\" to have a key `\"did:key:z6Mk…\"`, found no text",
        ),
        (
            "[nodes.0]\na = \"did:key:z6Mk\"\n",
            "2: an Ed25519 key is written in 56 characters, found 12",
        ),
        (
            "\n[node.0]\n",
            "2: expected `[nodes.\"<domain>\"]` or `[topics.\"<domain>\"]`, found \"node\"",
        ),
        (
            "topics = 3\n",
            "1: expected `topics` to be a table of names and keys, found a value",
        ),
        (
            "[nodes]\narm = \"x\"\n",
            "2: expected `nodes.\"arm\"` to be a table of names and keys, found a value",
        ),
        (
            "[[nodes]]\n",
            "1: expected `nodes` to be a table of names and keys, found a value",
        ),
    ] {
        let dir = keystore_with(broken);
        let path = dir.path().join(PIN_FILE);
        let error = Pins::open(dir.path()).unwrap_err().to_string();
        let found = error.strip_prefix(&format!("{}:", path.display())).unwrap();
        assert!(found.starts_with(expected), "{broken:?}: {found}");
        assert!(found.ends_with("; correct or remove the line"), "{found}");
        assert_eq!(text(&dir), broken);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut pins = Pins::open(dir.path()).unwrap();
    put(&dir, "nodes = 1");
    assert!(pins.pin_node("0", "arm", key(1)).is_err());
    assert_eq!(pins.node("0", "arm"), None, "what is not stored is not pinned");
    assert_eq!(text(&dir), "nodes = 1");
}

#[test]
fn text_that_is_not_utf_8_is_an_error_with_its_line() {
    let dir = keystore_with("");
    fs::write(dir.path().join(PIN_FILE), b"\n\n# \xff\n").unwrap();
    let error = Pins::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("known.toml:3: expected TOML, found text that is not UTF-8"),
        "{error}"
    );
}

#[test]
fn a_file_in_which_others_may_write_is_refused() {
    let dir = keystore_with("");
    fs::set_permissions(dir.path().join(PIN_FILE), Permissions::from_mode(0o666)).unwrap();
    let error = Pins::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("has mode 0666"), "{error}");
}

#[test]
fn pins_are_bounded_in_number_and_length() {
    let mut lines = "[nodes.0]\n".to_owned();
    for number in 0..MAX_PINS {
        lines.push_str(&format!("n{number} = \"{}\"\n", key(1)));
    }
    let dir = keystore_with(&lines);
    let mut pins = Pins::open(dir.path()).unwrap();
    assert!(matches!(
        pins.pin_node("1", "one_more", key(1)),
        Err(PinError::Full { table: "nodes" })
    ));
    assert_eq!(
        pins.pin_node("0", "n7", key(2)).unwrap(),
        key(1),
        "known names still answer"
    );
    pins.pin_topic("0", "/topic", key(1)).unwrap();

    put(&dir, &(lines + &format!("one_more = \"{}\"\n", key(1))));
    let error = Pins::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("4098: expected at most 4096 pins of one kind, found more"),
        "{error}"
    );

    let long = "x".repeat(MAX_NAME_BYTES + 1);
    let mut pins = Pins::default();
    assert!(matches!(
        pins.pin_node("0", &long, key(1)),
        Err(PinError::NameTooLong { found_bytes: 257 })
    ));
    assert!(matches!(
        pins.pin_topic(&long, "t", key(1)),
        Err(PinError::NameTooLong { .. })
    ));
    assert_eq!(pins.pin_node("0", &long[1..], key(1)).unwrap(), key(1));
}
