//! `key show` and `key new`.

use std::os::unix::fs::PermissionsExt;

use crate::program::User;

#[test]
fn the_key_is_made_once_and_stays() {
    let user = User::new();
    let show = || {
        let [shown] = user.run(&["key", "show", "--json"]).json().try_into().unwrap();
        shown
    };
    let (first, second) = (show(), show());
    assert_eq!((&first["made_now"], &second["made_now"]), (&true.into(), &false.into()));
    assert_eq!(first["key"], second["key"]);
    assert!(first["key"].as_str().unwrap().starts_with("did:key:z6Mk"));
    let people = user.run(&["key", "show"]);
    assert_eq!(people.stdout.lines().next(), first["key"].as_str());
}

#[test]
fn a_key_is_never_overwritten_silently() {
    let user = User::new();
    let show = || user.run(&["key", "show"]).stdout;
    let before = show();
    let refused = user.run(&["key", "new"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{refused:?}");
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(show(), before);

    let [made] = user
        .run(&["key", "new", "--force", "--json"])
        .json()
        .try_into()
        .unwrap();
    assert_eq!(show().lines().next(), made["key"].as_str());
    let old = std::path::PathBuf::from(made["old_key_moved_to"].as_str().unwrap());
    std::fs::rename(old, user.home().join("nuncio/identity.key")).unwrap();
    assert_eq!(show(), before);
}

#[test]
fn a_key_for_another_machine_goes_to_a_file_of_ones_own() {
    let user = User::new();
    let file = user.home().join("robot.key");
    let args = ["key", "new", "--out", file.to_str().unwrap()];
    assert_eq!(user.run(&args).code, Some(0));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("-----BEGIN PRIVATE KEY-----")
    );
    let again = user.run(&args);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(!user.home().join("nuncio").exists());
}
