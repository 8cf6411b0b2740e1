//! The help, as it is, and the exit codes of what is wrong on the command line.

use crate::program::User;

#[test]
fn the_help_of_the_program() {
    let ended = User::new().run(&["--help"]);
    assert_eq!(ended.code, Some(0));
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn the_help_of_each_topic_command() {
    for command in [
        "list", "type", "find", "info", "echo", "pub", "approve", "hz", "bw", "delay",
    ] {
        let ended = User::new().run(&["topic", command, "--help"]);
        assert_eq!(ended.code, Some(0));
        insta::assert_snapshot!(format!("topic_{command}"), ended.stdout);
    }
}

#[test]
fn the_help_of_each_service_command_that_talks() {
    for command in ["call", "echo"] {
        let ended = User::new().run(&["service", command, "--help"]);
        assert_eq!(ended.code, Some(0));
        insta::assert_snapshot!(format!("service_{command}"), ended.stdout);
    }
}

#[test]
fn the_help_of_each_action_command() {
    for command in ["list", "type", "find", "info", "send_goal", "cancel"] {
        let ended = User::new().run(&["action", command, "--help"]);
        assert_eq!(ended.code, Some(0));
        insta::assert_snapshot!(format!("action_{command}"), ended.stdout);
    }
}

#[test]
fn the_help_of_each_param_command() {
    for command in ["list", "get", "set", "describe", "dump", "load", "delete"] {
        let ended = User::new().run(&["param", command, "--help"]);
        assert_eq!(ended.code, Some(0));
        insta::assert_snapshot!(format!("param_{command}"), ended.stdout);
    }
}

#[test]
fn the_help_of_each_command_on_folders_of_schemas() {
    for command in ["proto", "check", "diff", "generate"] {
        let ended = User::new().run(&["interface", command, "--help"]);
        assert_eq!(ended.code, Some(0));
        insta::assert_snapshot!(format!("interface_{command}"), ended.stdout);
    }
}

#[test]
fn the_help_of_each_command_on_keys_trust_and_measures() {
    for command in [
        "key list",
        "key import",
        "key export",
        "key rotate",
        "key revoke",
        "trust init",
        "trust add",
        "trust remove",
        "trust list",
        "trust sign",
        "trust show",
        "trust check",
        "trust test",
        "trust export",
        "doctor",
        "bench",
        "router",
        "link invite",
        "link accept",
        "lifecycle nodes",
        "lifecycle get",
        "lifecycle list",
        "lifecycle set",
        "state list",
        "state get",
        "state watch",
        "bag record",
        "bag verify",
        "bag slice",
        "bag filter",
        "bag merge",
        "top",
        "graph",
        "bag info",
        "bag cat",
        "bag play",
        "bag convert",
    ] {
        let ended = User::new().run(&[&command.split(' ').collect::<Vec<_>>(), ["--help"].as_slice()].concat());
        assert_eq!(ended.code, Some(0));
        insta::assert_snapshot!(command.replace(' ', "_"), ended.stdout);
    }
}

#[test]
fn every_command_has_help() {
    let commands = [
        "topic",
        "node",
        "node list",
        "node info",
        "node facts",
        "node health",
        "log",
        "interface",
        "interface list",
        "interface packages",
        "interface package",
        "interface show",
        "interface hash",
        "interface transcode",
        "interface proto",
        "interface check",
        "interface diff",
        "interface generate",
        "json-schema",
        "key",
        "key show",
        "key new",
        "trust",
        "bag",
        "bench",
        "demo",
        "prove",
        "trace",
        "lifecycle",
        "link",
        "state",
    ];
    for command in commands {
        let args: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let ended = User::new().run(&args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.contains(&format!("Usage: nuncio {command}")), "{ended:?}");
    }
}

#[test]
fn bad_arguments_are_exit_2() {
    let cases = [
        ["topic", "echo"].as_slice(),
        &["topic", "echo", "/a b"],
        &["topic", "echo", "/x", "--domain", "a/b"],
        &["topic", "echo", "/x", "--discovery", "loud"],
        &["topic", "echo", "/x", "--trust-mode", "none"],
        &["topic", "echo", "/x", "--timeout", "-1"],
        &["topic", "echo", "/x", "--once", "--times", "2"],
        &["topic", "pub", "/x", "std_msgs/String", "--rate", "0"],
        &["topic", "list", "--connect", "nonsense"],
        &["trace", "xyz"],
        &["action", "cancel", "/x"],
        &["action", "cancel", "/x", "xyz"],
        &["unknown"],
    ];
    for args in cases {
        let ended = User::new().run(args);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{args:?}: {ended:?}"
        );
        assert!(!ended.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_home_that_cannot_be_used_is_exit_2_and_named() {
    let user = User::new();
    std::fs::write(user.home().join("nuncio"), "a file").unwrap();
    let ended = user.run(&["topic", "list"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains(user.home().to_str().unwrap()), "{ended:?}");
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let user = User::new();
    let folder = user.path("man");
    let ended = user.run(&["manual", &folder, "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let page = std::fs::read_to_string(format!("{folder}/nuncio-topic-echo.1")).expect("the page of topic echo");
    assert!(page.contains("Print the messages of a topic"), "{page}");
    let pages = std::fs::read_dir(&folder).expect("the folder").count();
    let told: serde_json::Value = serde_json::from_str(ended.stdout.trim()).expect("JSON");
    assert_eq!(told["pages"], pages);
}
