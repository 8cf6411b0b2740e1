//! Many processes at one keystore, damaged files, and disks that are full.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::*;

/// The variable that tells a child process which keystore to use.
const CHILD_DIR: &str = "NUNCIO_TEST_CHILD_DIR";

fn keystore() -> (TempDir, Keystore) {
    let home = tempfile::tempdir().unwrap();
    let keystore = Keystore::open(home.path().join("nuncio")).unwrap();
    (home, keystore)
}

fn file(keystore: &Keystore, name: &str) -> PathBuf {
    keystore.path().unwrap().join(name)
}

/// Starts `count` processes that run the test `name` of this file, lets all go at the same moment, and returns the
/// lines that they print after `answer `.
fn answers_of_children(count: usize, name: &str, dir: &Path) -> Vec<String> {
    let mut children: Vec<Child> = Vec::new();
    for _ in 0..count {
        let child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "--ignored",
                "--nocapture",
                &format!("security::keystore::tests::{name}"),
            ])
            .env(CHILD_DIR, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn();
        children.push(child.unwrap());
    }
    // The end of its input is what each child waits for.
    children.iter_mut().for_each(|child| drop(child.stdin.take()));
    let mut answers = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        answers.extend(
            text.lines()
                .filter_map(|line| Some(line.split_once("answer ")?.1.to_owned())),
        );
    }
    answers
}

/// The keystore of a child process, once the parent lets it go on.
fn keystore_of_parent() -> Keystore {
    io::stdin().lines().for_each(drop);
    Keystore::open(env::var_os(CHILD_DIR).unwrap()).unwrap()
}

#[test]
fn the_identity_is_made_once_and_kept() {
    let (_home, keystore) = keystore();
    assert!(keystore.stored_identity().unwrap().is_none());
    let first = keystore.identity().unwrap().public_key();
    assert_eq!(keystore.identity().unwrap().public_key(), first);
    assert_eq!(keystore.stored_identity().unwrap().unwrap().public_key(), first);

    let dir = fs::metadata(keystore.path().unwrap()).unwrap();
    let key = fs::metadata(file(&keystore, "identity.key")).unwrap();
    assert_eq!((dir.mode() & 0o777, key.mode() & 0o777), (0o700, 0o600));
    assert!(matches!(
        keystore.store_identity(&Identity::from_seed(&[1; 32])),
        Err(IdentityError::AlreadyThere { .. })
    ));
    assert_eq!(keystore.identity().unwrap().public_key(), first);
}

#[test]
fn processes_that_start_at_once_agree_on_one_identity() {
    let (_home, keystore) = keystore();
    let answers = answers_of_children(8, "child_prints_its_identity", keystore.path().unwrap());
    assert_eq!(answers.len(), 8);
    assert_eq!(
        BTreeSet::from_iter(answers),
        BTreeSet::from([keystore.identity().unwrap().public_key().to_string()])
    );
    let mut files: Vec<_> = fs::read_dir(keystore.path().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    files.sort();
    assert_eq!(files, ["identity.key", "state"], "no half-made key may be left");
}

#[test]
#[ignore = "run as a child process by processes_that_start_at_once_agree_on_one_identity"]
fn child_prints_its_identity() {
    println!("answer {}", keystore_of_parent().identity().unwrap().public_key());
}

#[test]
fn threads_that_start_at_once_agree_on_one_identity() {
    let (_home, keystore) = keystore();
    let keys: BTreeSet<PublicKey> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| keystore.identity().unwrap().public_key()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_key_file_that_others_may_read_is_refused() {
    let (_home, keystore) = keystore();
    keystore.identity().unwrap();
    let path = file(&keystore, "identity.key");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        keystore.identity().unwrap_err().to_string(),
        format!(
            "{p} has mode 0644, which lets other users in; close it with `chmod 600 {p}`",
            p = path.display()
        )
    );
}

#[test]
fn a_damaged_key_file_is_an_error_and_never_replaced() {
    let (_home, keystore) = keystore();
    let path = file(&keystore, "identity.key");
    let put = |content: &[u8]| {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    };
    for (content, expected) in [
        (&b""[..], "found an empty file; put the key back from a backup"),
        (b"\xff\xfe", "found no `-----BEGIN PRIVATE KEY-----` line"),
        (b"-----BEGIN RSA PRIVATE KEY-----", "found an RSA key"),
        (&[b'x'; 20_000], "is larger than 16384 bytes"),
    ] {
        put(content);
        let error = keystore.identity().unwrap_err().to_string();
        assert!(
            error.starts_with(&path.display().to_string()) && error.contains(expected),
            "{error}"
        );
        assert_eq!(fs::read(&path).unwrap(), content);
    }

    fs::remove_file(&path).unwrap();
    symlink("/dev/null", &path).unwrap();
    assert!(
        keystore
            .identity()
            .unwrap_err()
            .to_string()
            .contains("must not be a symbolic link")
    );
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(
        keystore
            .identity()
            .unwrap_err()
            .to_string()
            .contains("must be a plain file")
    );
}

#[test]
fn a_keystore_in_which_others_may_write_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("nuncio");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
    Keystore::open(&dir).unwrap();
    fs::set_permissions(&dir, Permissions::from_mode(0o775)).unwrap();
    let error = Keystore::open(&dir).unwrap_err().to_string();
    assert!(
        error.contains("has mode 0775") && error.contains("`chmod 700 "),
        "{error}"
    );
}

#[test]
fn epochs_rise_whatever_the_clock_does() {
    let (_home, keystore) = keystore();
    let [key, other] = [1, 2].map(|seed| Identity::from_seed(&[seed; 32]).public_key());
    let now_ms = 1_700_000_000_000;
    let ten_years_ms = 10 * 365 * 24 * 3_600_000;

    assert_eq!(keystore.next_epoch(&key, now_ms).unwrap(), now_ms);
    assert_eq!(keystore.next_epoch(&key, now_ms).unwrap(), now_ms + 1);
    assert_eq!(keystore.next_epoch(&key, now_ms - ten_years_ms).unwrap(), now_ms + 2);
    assert_eq!(keystore.next_epoch(&key, 0).unwrap(), now_ms + 3);
    assert_eq!(keystore.next_epoch(&other, 5).unwrap(), 5, "each key has its own");
    assert_eq!(keystore.next_epoch(&key, now_ms + 60_000).unwrap(), now_ms + 60_000);

    let reopened = Keystore::open(keystore.path().unwrap()).unwrap();
    assert_eq!(reopened.next_epoch(&key, now_ms).unwrap(), now_ms + 60_001);
}

#[test]
fn processes_that_start_at_once_get_different_epochs() {
    let (_home, keystore) = keystore();
    let answers = answers_of_children(4, "child_prints_epochs", keystore.path().unwrap());
    let epochs: BTreeSet<u64> = answers.iter().map(|answer| answer.parse().unwrap()).collect();
    assert_eq!(answers.len(), 4 * EPOCHS_PER_CHILD);
    assert_eq!(epochs, (1_000..1_000 + 4 * EPOCHS_PER_CHILD as u64).collect());
}

const EPOCHS_PER_CHILD: usize = 10;

#[test]
#[ignore = "run as a child process by processes_that_start_at_once_get_different_epochs"]
fn child_prints_epochs() {
    let keystore = keystore_of_parent();
    for _ in 0..EPOCHS_PER_CHILD {
        println!(
            "answer {}",
            keystore.next_epoch(&PublicKey::from_bytes([1; 32]), 1_000).unwrap()
        );
    }
}

#[test]
fn a_damaged_epoch_is_an_error_with_its_remedy_and_never_reset() {
    let (_home, keystore) = keystore();
    let key = PublicKey::from_bytes([1; 32]);
    keystore.next_epoch(&key, 1_000).unwrap();
    let path = file(&keystore, "state").join(format!("epoch-{}", key.to_multibase()));
    assert_eq!(fs::read(&path).unwrap(), b"1000\n");

    for content in ["", "17\u{1b}", "\n", "one", "99999999999999999999"] {
        fs::write(&path, content).unwrap();
        let error = keystore.next_epoch(&key, 2_000).unwrap_err();
        assert!(
            matches!(&error, EpochError::Corrupt { found, .. } if found == content),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains(&format!("`date +%s%3N > {}`", path.display())),
            "{error}"
        );
        assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }

    fs::write(&path, u64::MAX.to_string()).unwrap();
    assert!(matches!(
        keystore.next_epoch(&key, 2_000),
        Err(EpochError::Exhausted { .. })
    ));
}

/// Stands for a full disk: a process that may not make files longer than nothing.
#[test]
fn no_epoch_is_given_that_could_not_be_written() {
    let (_home, keystore) = keystore();
    let key = PublicKey::from_bytes([1; 32]);
    keystore.next_epoch(&key, 1_000).unwrap();
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("security::keystore::tests::child_cannot_store_its_epoch")
        .env(CHILD_DIR, keystore.path().unwrap())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && text.contains("answer refused"), "{text}");
    assert_eq!(
        keystore.next_epoch(&key, 1_000).unwrap(),
        1_001,
        "the stored epoch must be whole"
    );
    assert_eq!(
        fs::read_dir(file(&keystore, "state")).unwrap().count(),
        2,
        "no half-written file may be left"
    );
}

#[test]
#[ignore = "run as a child process by no_epoch_is_given_that_could_not_be_written"]
fn child_cannot_store_its_epoch() {
    let error = keystore_of_parent()
        .next_epoch(&PublicKey::from_bytes([1; 32]), 1_000)
        .unwrap_err();
    assert!(matches!(error, EpochError::NotStored { .. }), "{error}");
    println!("answer refused");
}

/// A real file system without room, in a mount namespace of its own. Where that is not allowed, nothing is tested.
#[test]
fn on_a_full_disk_no_epoch_is_given_and_the_last_one_stays() {
    let home = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=64k,mode=700 none \"$NUNCIO_TEST_MOUNT\" && exec \"$0\" \"$@\"";
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("security::keystore::tests::child_fills_its_disk")
        .env("NUNCIO_TEST_MOUNT", home.path())
        .stdin(Stdio::null())
        .output();
    let (said, errors) = match child {
        Ok(child) => (child.stdout, child.stderr),
        Err(error) => (Vec::new(), error.to_string().into_bytes()),
    };
    let said = String::from_utf8_lossy(&said).into_owned();
    if !said.contains("running 1 test") {
        println!(
            "not tested, no mount namespace here: {}",
            String::from_utf8_lossy(&errors)
        );
        return;
    }
    assert!(said.contains("answer refused and mended"), "{said}");
}

#[test]
#[ignore = "run as a child process by on_a_full_disk_no_epoch_is_given_and_the_last_one_stays"]
fn child_fills_its_disk() {
    let dir = PathBuf::from(env::var_os("NUNCIO_TEST_MOUNT").unwrap());
    let keystore = Keystore::open(dir.join("keys")).unwrap();
    let key = keystore.identity().unwrap().public_key();
    assert_eq!(keystore.next_epoch(&key, 1_000).unwrap(), 1_000);
    let filler = dir.join("filler");
    let full = fs::write(&filler, vec![0; 1 << 20]).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    for _ in 0..3 {
        let error = keystore.next_epoch(&key, 2_000).unwrap_err();
        assert!(matches!(error, EpochError::NotStored { .. }), "{error}");
        assert!(error.to_string().contains("must not sign"), "{error}");
    }
    fs::remove_file(filler).unwrap();
    assert_eq!(keystore.next_epoch(&key, 0).unwrap(), 1_001);
    println!("answer refused and mended");
}

#[test]
fn an_ephemeral_keystore_behaves_alike_and_touches_no_disk() {
    let identity = Identity::from_seed(&[4; 32]);
    let key = identity.public_key();
    let keystore = Keystore::ephemeral(identity);
    assert_eq!(keystore.path(), None);
    assert_eq!(keystore.identity().unwrap().public_key(), key);
    assert_eq!(keystore.next_epoch(&key, 9).unwrap(), 9);
    assert_eq!(keystore.next_epoch(&key, 3).unwrap(), 10);
    let mut pins = keystore.pins().unwrap();
    assert_eq!(pins.pin_node("0", "talker", key).unwrap(), key);
    assert_eq!(pins.node("0", "talker"), Some(key));
    assert!(keystore.store_identity(&Identity::from_seed(&[5; 32])).is_err());
}

#[test]
fn the_keystore_is_where_the_environment_says() {
    let dir = |nuncio: &str, xdg: &str, home: Option<&str>| {
        dir_from(Some(nuncio.into()), Some(xdg.into()), home.map(Into::into))
    };
    assert_eq!(
        dir("/robot/keys", "/xdg", Some("/home/ada")),
        Some("/robot/keys".into())
    );
    assert_eq!(dir("", "/xdg", Some("/home/ada")), Some("/xdg/nuncio".into()));
    assert_eq!(
        dir("", "relative", Some("/home/ada")),
        Some("/home/ada/.config/nuncio".into())
    );
    assert_eq!(dir("", "", None), None);
    assert_eq!(
        dir_from(None, None, Some("/home/ada".into())),
        Some("/home/ada/.config/nuncio".into())
    );
}
