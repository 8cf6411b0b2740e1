//! `interface list`, `interface show` and `interface hash`: no network, no keystore.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::User;

const STRING_HASH: &str = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18";

#[test]
fn both_forms_of_a_name_have_the_hash_of_ros() {
    for name in ["std_msgs/msg/String", "std_msgs/String"] {
        let ended = User::new().run(&["interface", "hash", name, "--json"]);
        let line = format!("{{\"type\":\"std_msgs/msg/String\",\"hash\":\"{STRING_HASH}\"}}\n");
        assert_eq!((ended.code, ended.stdout), (Some(0), line));
    }
}

#[test]
fn all_shipped_interfaces_are_listed_and_hashed() {
    let listed = User::new().run(&["interface", "list"]).stdout;
    let hashed = User::new().run(&["interface", "hash"]).stdout;
    let names: Vec<&str> = hashed.lines().filter_map(|line| line.split("  ").nth(1)).collect();
    assert_eq!(listed.lines().collect::<Vec<_>>(), names);
    for name in [
        "geometry_msgs/msg/Twist",
        "std_srvs/srv/SetBool",
        "nuncio_msgs/msg/MotionCommand",
    ] {
        assert!(names.contains(&name), "{name} is missing");
    }
    let only = |flag: &str| User::new().run(&["interface", "list", flag]).stdout.lines().count();
    let parts = only("--only-msgs") + only("--only-srvs") + only("--only-actions");
    assert_eq!(parts, names.len());
}

#[test]
fn the_packages_hold_together_all_that_is_listed() {
    let packages = User::new().run(&["interface", "packages"]).stdout;
    let of_each = packages
        .lines()
        .map(|package| User::new().run(&["interface", "package", package]).stdout);
    assert_eq!(
        of_each.collect::<String>(),
        User::new().run(&["interface", "list"]).stdout
    );
}

#[test]
fn a_package_that_nobody_knows_is_exit_1_and_named() {
    let ended = User::new().run(&["interface", "package", "no_such_msgs"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("no_such_msgs"), "{ended:?}");
}

#[test]
fn a_definition_is_shown_with_its_hash() {
    let ended = User::new().run(&["interface", "show", "geometry_msgs/Twist", "--no-comments"]);
    insta::assert_snapshot!(ended.stdout.replace('\t', "  "), @r"
    # geometry_msgs/msg/Twist
    # RIHS01_9c45bf16fe0983d80e3cfe750d6835843d265a9a6c46bd2e609fcddde6fb8d2a
    Vector3 linear
      float64 x
      float64 y
      float64 z
    Vector3 angular
      float64 x
      float64 y
      float64 z
    ");
    let [shown] = User::new()
        .run(&["interface", "show", "std_msgs/String", "--json"])
        .json()
        .try_into()
        .unwrap();
    assert_eq!(shown["hash"], STRING_HASH);
    assert!(shown["definition"].as_str().unwrap().contains("string data"));
    assert_eq!(
        shown["type_description"]["type_description"]["type_name"],
        "std_msgs/msg/String"
    );
}

#[test]
fn an_unknown_name_is_nothing_there_and_near_ones_are_offered() {
    for command in ["show", "hash"] {
        let ended = User::new().run(&["interface", command, "geometry_msgs/msg/Twsit"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(
            ended.stderr.contains("did you mean geometry_msgs/msg/Twist"),
            "{ended:?}"
        );
    }
}

#[test]
fn nothing_is_written_to_the_home() {
    let user = User::new();
    assert_eq!(user.run(&["interface", "list"]).code, Some(0));
    assert!(!user.home().join("nuncio").exists());
}

#[test]
fn a_folder_adds_interfaces_of_ones_own() {
    let user = User::new();
    let place = user.home().join("interfaces/zoo_msgs/msg");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("Foot.msg"), "geometry_msgs/Point at\n").unwrap();
    let folder = user.home().join("interfaces");
    let args = [
        "interface",
        "show",
        "zoo_msgs/Foot",
        "--interfaces",
        folder.to_str().unwrap(),
    ];
    let ended = user.run(&args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("geometry_msgs/Point at\n\tfloat64 x  # @unit m\n"),
        "{ended:?}"
    );

    std::fs::write(place.join("Foot.msg"), "geometry_msgs/Pont at\n").unwrap();
    let ended = user.run(&args);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("interfaces/zoo_msgs/msg/Foot.msg:1:1"),
        "{ended:?}"
    );
}

#[test]
fn a_json_schema_is_shown_in_both_forms() {
    let args = ["interface", "show", "--json-schema", "geometry_msgs/Vector3"];
    let shown = User::new().run(&args);
    let [line] = User::new()
        .run(&[&args[..], &["--json"]].concat())
        .json()
        .try_into()
        .unwrap();
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert_eq!(serde_json::from_str::<Value>(&shown.stdout).unwrap(), line);
    assert_eq!(line["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(line["title"], "geometry_msgs/msg/Vector3");
    assert_eq!(line["properties"]["x"]["type"], "number");
}

#[test]
fn the_request_of_a_service_has_a_json_schema_and_the_whole_service_has_none() {
    let schema_of = |name| User::new().run(&["interface", "show", "--json-schema", "--json", name]);
    let [request] = schema_of("std_srvs/srv/SetBool_Request").json().try_into().unwrap();
    assert_eq!(request["properties"]["data"]["type"], "boolean");
    assert_eq!(schema_of("std_srvs/srv/SetBool").code, Some(1));
}

/// Every type of a folder, also the parts of its services, with the hashes that ROS 2's own generator gives.
#[test]
fn a_folder_is_hashed_with_all_parts_of_its_services() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../codegen/tests/fixtures/rihs01_custom.json")).unwrap();
    let user = User::new();
    let package = user.home().join("rihs_test_msgs");
    for (path, text) in vectors["definitions"].as_object().unwrap() {
        let path = package.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text.as_str().unwrap()).unwrap();
    }
    let hashed = user.run(&["interface", "hash", "--json", "--path", package.to_str().unwrap()]);
    let ours: BTreeMap<String, Value> = hashed
        .json()
        .into_iter()
        .map(|line| (line["type"].as_str().unwrap().to_owned(), line["hash"].clone()))
        .collect();
    let theirs = vectors["types"].as_object().unwrap();
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>(),
        "{hashed:?}"
    );
    for (name, vector) in theirs {
        assert_eq!(ours[name], vector["hash"], "{name}");
    }
}

const ZOO: [(&str, &str); 4] = [
    (
        "zoo/zoo_msgs/msg/Gait.msg",
        "# How it walks.\n# @exclusive\n\nuint8 GAIT_WALK=1\nuint8 GAIT_RUN=2\n\n\
         std_msgs/Header header  # @max_age 200ms\nuint8 gait  # @enum GAIT_\n\
         float64 speed  # Forward. @unit m/s @range [-1.5, 1.5] @finite\n",
    ),
    ("zoo/zoo_msgs/srv/Feed.srv", "string food\n---\nbool eaten\n"),
    ("zoo/zoo_msgs/msg/Herd.msg", "Gait[] members\n"),
    ("zoo/std_msgs/msg/Bool.msg", "bool data\n"),
];

#[test]
fn a_folder_is_what_the_lists_are_about() {
    let user = User::new();
    user.write(&ZOO);
    let zoo = user.path("zoo");
    let of_folder = |args: &[&str]| {
        let ended = user.run(&[&["interface"], args, &["--path", &zoo]].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.stdout
    };
    let all = "std_msgs/msg/Bool\nzoo_msgs/msg/Gait\nzoo_msgs/msg/Herd\nzoo_msgs/srv/Feed\n";
    assert_eq!(of_folder(&["list"]), all);
    assert_eq!(of_folder(&["list", "--only-srvs"]), "zoo_msgs/srv/Feed\n");
    assert_eq!(of_folder(&["packages"]), "std_msgs\nzoo_msgs\n");
    assert_eq!(of_folder(&["package", "std_msgs"]), "std_msgs/msg/Bool\n");
    assert!(of_folder(&["show", "zoo_msgs/srv/Feed"]).contains("string food"));
    // What the folder does not have is known as ever when it is named.
    assert!(of_folder(&["hash", "std_msgs/String", "zoo_msgs/srv/Feed_Event"]).contains(STRING_HASH));
    assert_eq!(of_folder(&["hash"]).lines().count(), 7);
    assert!(of_folder(&["proto", "zoo_msgs/Herd"]).contains("members: []"));
}

#[test]
fn the_same_folder_may_be_a_package_or_an_installation() {
    let user = User::new();
    user.write(&[("ros/share/zoo_msgs/msg/Gait.msg", "bool x\n")]);
    for place in ["ros", "ros/share", "ros/share/zoo_msgs"] {
        let ended = user.run(&["interface", "list", "--path", &user.path(place)]);
        assert_eq!(ended.stdout, "zoo_msgs/msg/Gait\n", "{place}: {ended:?}");
    }
}

#[test]
fn a_folder_that_is_none_is_exit_2_and_named() {
    let user = User::new();
    user.write(&[("file.msg", "bool x\n"), ("empty/readme.txt", "x\n")]);
    let cases = [
        ("missing", "missing: there is no such folder"),
        ("file.msg", "file.msg: expected a folder, found a file"),
        ("empty", "empty: no interface files found"),
    ];
    for (place, words) in cases {
        let verbs: [&[&str]; 6] = [
            &["list"],
            &["packages"],
            &["package", "std_msgs"],
            &["show", "std_msgs/String"],
            &["hash"],
            &["proto", "std_msgs/String"],
        ];
        for verb in verbs {
            let ended = user.run(&[&["interface"], verb, &["--path", &user.path(place)]].concat());
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
            assert!(
                ended.stderr.contains(words) && ended.stderr.contains("help: "),
                "{ended:?}"
            );
        }
    }
}

#[test]
fn limits_are_shown_where_the_field_stands() {
    let user = User::new();
    user.write(&ZOO);
    let shown = |name: &str, flag: &[&str]| {
        let args = ["interface", "show", name, "--path", &user.path("zoo")];
        user.run(&[&args[..], flag].concat())
    };
    let own = shown("zoo_msgs/Gait", &[]).stdout;
    for limit in [
        "# @exclusive\n",
        "header  # @max_age 200ms\n",
        "gait  # @enum GAIT_\n",
        "@unit m/s @range [-1.5, 1.5] @finite\n",
    ] {
        assert!(own.contains(limit), "{limit}: {own}");
    }
    let below = shown("zoo_msgs/Herd", &[]).stdout;
    for limit in [
        "\tstd_msgs/Header header  # @max_age 200ms\n",
        "\tuint8 gait  # @enum GAIT_\n",
        "\tfloat64 speed  # @unit m/s @range [-1.5, 1.5] @finite\n",
    ] {
        assert!(below.contains(limit), "{limit}: {below}");
    }
    assert!(!shown("zoo_msgs/Gait", &["--no-comments"]).stdout.contains('@'));
    let [json] = shown("zoo_msgs/Gait", &["--json"]).json().try_into().unwrap();
    assert_eq!(json["exclusive"], true);
    let expected = serde_json::json!([
        {"field": "header", "max_age_ns": 200_000_000},
        {"field": "gait", "enum": "GAIT_"},
        {"field": "speed", "unit": "m/s", "range": [-1.5, 1.5], "finite": true},
    ]);
    assert_eq!(json["limits"], expected);
}
