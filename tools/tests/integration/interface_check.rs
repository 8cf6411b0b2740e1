//! `interface check`: every problem at once, for people and for scripts.

use std::fs;

use serde_json::json;

use crate::program::User;

#[test]
fn what_is_right_is_exit_0_and_counted() {
    let user = User::new();
    user.write(&[
        ("own/barn_msgs/msg/Door.msg", "std_msgs/Header header\nbool open\n"),
        ("own/barn_msgs/srv/Open.srv", "Door door\n---\n"),
    ]);
    let ended = user.run(&["interface", "check", "--path", &user.path("own")]);
    let expected = "2 interfaces in 1 package: nothing is wrong\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), expected), "{ended:?}");
    // Of a script's lines each is a problem.
    let ended = user.run(&["interface", "check", "--json", "--path", &user.path("own")]);
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
        (Some(0), "", expected)
    );
    let ended = user.run(&["interface", "check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn every_problem_of_every_file_is_an_object_with_its_place() {
    let user = User::new();
    user.write(&[
        ("own/barn_msgs/msg/Door.msg", "bool open\nbool open\nflaot64 width\n"),
        ("own/barn_msgs/msg/lower.msg", "bool x\n"),
        ("own/barn_msgs/srv/Open.srv", "Window window\n---\n"),
        ("more/stall_msgs/msg/Box.msg", "uint8 X=256\n"),
    ]);
    fs::write(
        user.home().join("own/barn_msgs/msg/Bytes.msg"),
        b"bool x\nstring y # \xff\n",
    )
    .unwrap();
    fs::write(user.home().join("own/barn_msgs/msg/Huge.msg"), vec![b'#'; 10 << 20]).unwrap();
    let (own, more) = (user.path("own"), user.path("more"));
    let args = ["interface", "check", "--path", &own, "--path", &more];
    let ended = user.run(&[&args[..], &["--json"]].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert_eq!(ended.stderr, "found 7 problems\n");
    let problems = ended.json();
    let places: Vec<_> = problems
        .iter()
        .map(|problem| {
            let keys: Vec<&String> = problem.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["file", "line", "column", "message", "help"]);
            let file = problem["file"].as_str().unwrap().rsplit('/').next().unwrap();
            json!([file, problem["line"], problem["column"]])
        })
        .collect();
    let expected = [
        json!(["Box.msg", 1, 9]),
        json!(["Bytes.msg", 2, 12]),
        json!(["Door.msg", 2, 6]),
        json!(["Door.msg", 3, 1]),
        json!(["Huge.msg", 0, 0]),
        json!(["lower.msg", 0, 0]),
        json!(["Open.srv", 1, 1]),
    ];
    assert_eq!(places, expected, "{problems:?}");
    assert_eq!(problems[0]["file"], user.path("more/stall_msgs/msg/Box.msg"));

    let shown = user.run(&args);
    assert_eq!(shown.code, Some(2), "{shown:?}");
    let door = format!("{own}/barn_msgs/msg/Door.msg:3:1: `flaot64` is not a type\n 3 | flaot64 width\n   | ^^^^^^^\n");
    assert!(shown.stdout.contains(&door), "{}", shown.stdout);
}

#[test]
fn a_folder_that_is_none_is_a_problem_as_well() {
    let user = User::new();
    let ended = user.run(&["interface", "check", "--json", "--path", &user.path("missing")]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let [problem] = ended.json().try_into().unwrap();
    assert_eq!(problem["file"], user.path("missing"));
    assert_eq!(problem["message"], "there is no such folder");
}

#[test]
fn a_package_that_two_folders_have_is_pointed_out() {
    let user = User::new();
    user.write(&[
        ("one/barn_msgs/msg/Door.msg", "bool open\n"),
        ("two/barn_msgs/msg/Door.msg", "bool open\nbool wide\n"),
    ]);
    let (one, two) = (user.path("one"), user.path("two"));
    let ended = user.run(&["interface", "check", "--path", &one, "--path", &two]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("barn_msgs") && ended.stderr.contains(&two),
        "{ended:?}"
    );
}
