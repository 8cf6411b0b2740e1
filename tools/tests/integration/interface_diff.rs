//! `interface diff`: grades, one line per change, and the exit codes that scripts see.

use crate::program::{Ended, User};

const OLD: [(&str, &str); 2] = [
    (
        "old/pen_msgs/msg/Sheep.msg",
        "string name\nfloat32 wool  # @range [0, 9]\n",
    ),
    ("old/pen_msgs/srv/Count.srv", "---\nSheep[] sheep\n"),
];

fn diff(user: &User, old: &str, new: &str, further: &[&str]) -> Ended {
    user.run(&[&["interface", "diff", &user.path(old), &user.path(new)], further].concat())
}

#[test]
fn what_is_the_same_but_for_comments_is_exit_0() {
    let user = User::new();
    user.write(&OLD);
    user.write(&[
        (
            "new/pen_msgs/msg/Sheep.msg",
            "# Woolly.\nstring name  # Dolly\nfloat32 wool  # @range [0, 9]\n",
        ),
        ("new/pen_msgs/srv/Count.srv", "---\nSheep[] sheep\n"),
    ]);
    let ended = diff(&user, "old", "new", &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(ended.stderr, "identical: 3 types\n");
}

#[test]
fn an_addition_is_exit_1_and_a_line_for_each_change() {
    let user = User::new();
    user.write(&OLD);
    user.write(&[
        (
            "new/pen_msgs/msg/Sheep.msg",
            "string name\nfloat32 wool  # @range [0, 10]\nbool shorn\n",
        ),
        ("new/pen_msgs/msg/Goat.msg", "string name\n"),
        ("new/pen_msgs/srv/Count.srv", "---\nSheep[] sheep\n"),
    ]);
    let ended = diff(&user, "old", "new", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    insta::assert_snapshot!(ended.stdout, @r"
    additive  pen_msgs/msg/Goat: the type is new
    additive  pen_msgs/msg/Sheep: `wool`: @range allows more values
    additive  pen_msgs/msg/Sheep: `shorn`: the field is new, at the end
    additive  pen_msgs/srv/Count_Response: `sheep`: pen_msgs/msg/Sheep has changed (additive)
    ");
    let one = diff(&user, "old", "new", &["pen_msgs/Sheep"]);
    assert_eq!((one.code, one.stdout.lines().count()), (Some(1), 2), "{one:?}");
}

#[test]
fn a_break_is_exit_3_and_counts_more_than_an_addition() {
    let user = User::new();
    user.write(&OLD);
    user.write(&[("new/pen_msgs/msg/Sheep.msg", "string name\nbool shorn\n")]);
    let ended = diff(&user, "old", "new", &["--json"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let changes = ended.json();
    let keys: Vec<&String> = changes[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["type", "grade", "change", "place", "text"]);
    let found: Vec<String> = changes
        .iter()
        .map(|change| {
            let word = |key: &str| change[key].as_str().unwrap().to_owned();
            [word("type"), word("grade"), word("change"), word("place")].join(" ")
        })
        .collect();
    let expected = [
        "pen_msgs/msg/Sheep breaking field-removed wool",
        "pen_msgs/msg/Sheep additive field-added-at-end shorn",
        "pen_msgs/srv/Count_Request breaking type-removed ",
        "pen_msgs/srv/Count_Response breaking type-removed ",
    ];
    assert_eq!(found, expected, "{changes:?}");
    assert_eq!(diff(&user, "new", "new", &[]).code, Some(0));
}

#[test]
fn two_files_are_one_type() {
    let user = User::new();
    user.write(&OLD);
    user.write(&[("new/pen_msgs/srv/Count.srv", "bool lambs_too\n---\nSheep[] sheep\n")]);
    // The older file stands alone, as a version control system gives it; what it refers to is beside the newer one.
    user.write(&[
        ("new/pen_msgs/msg/Sheep.msg", OLD[0].1),
        ("checkout-1/Count.srv", "---\nSheep[] sheep\n"),
    ]);
    let ended = diff(&user, "checkout-1/Count.srv", "new/pen_msgs/srv/Count.srv", &[]);
    let expected = "additive  pen_msgs/srv/Count_Request: `lambs_too`: the field is new, at the end\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), expected), "{ended:?}");
    user.write(&[("a.msg", "bool x\n"), ("b.msg", "string x\n")]);
    let ended = diff(&user, "a.msg", "b.msg", &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
}

#[test]
fn types_are_compared_with_types_and_with_files() {
    let user = User::new();
    user.write(&OLD);
    user.write(&[("String.msg", "string data\nstring more\n")]);
    let run = |old: &str, new: &str| user.run(&["interface", "diff", old, new, "--path", &user.path("old")]);
    let ended = run("std_msgs/String", &user.path("String.msg"));
    let expected = "additive  std_msgs/msg/String: `more`: the field is new, at the end\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), expected), "{ended:?}");
    assert_eq!(run("std_msgs/String", "pen_msgs/Sheep").code, Some(3));
    assert_eq!(run("pen_msgs/Sheep", "pen_msgs/msg/Sheep").code, Some(0));
}

#[test]
fn what_cannot_be_compared_is_exit_2_and_never_a_grade() {
    let user = User::new();
    user.write(&OLD);
    user.write(&[("wrong/pen_msgs/msg/Sheep.msg", "flaot32 wool\n")]);
    let old = user.path("old");
    let cases = [
        (vec![old.as_str(), "missing"], "found \"missing\""),
        (vec![&old, "std_msgs/String"], "compared with a folder only"),
        (
            vec!["std_msgs/String", "std_msgs/Strin"],
            "did you mean std_msgs/msg/String",
        ),
        (
            vec!["std_msgs/String", "std_msgs/Bool", "std_msgs/Byte"],
            "behind two folders",
        ),
        (vec![&old, &old, "pen_msgs/Wolf"], "pen_msgs/Wolf"),
    ];
    for (args, words) in cases {
        let ended = user.run(&[&["interface", "diff"], args.as_slice()].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
    let ended = diff(&user, "old", "wrong", &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("Sheep.msg:1:1"), "{ended:?}");
}
