//! Contexts and completions: what is said once, and what a shell is told.

use std::process::Command;

use crate::program::{User, port};

#[test]
fn a_context_says_once_what_every_command_line_would() {
    let user = User::new();
    let robot = user.path("robot7");
    let set = user.run(&["context", "set", "robot7", "--domain", "seven", "--keystore", &robot]);
    assert_eq!(set.code, Some(0), "{}", set.stderr);
    assert!(set.stderr.contains("nuncio context use robot7"), "{}", set.stderr);
    let own = user.run(&["key", "show", "--json"]).stdout;
    assert_eq!(user.run(&["context", "use", "robot7"]).code, Some(0));
    // The keystore is the context's now, and what the environment says goes before it.
    let key = |args: &[&str]| {
        let mut command = user.nuncio(args);
        command.env_remove("NUNCIO_HOME").env("XDG_CONFIG_HOME", user.home());
        String::from_utf8(command.output().expect("it runs").stdout).expect("text")
    };
    let theirs = key(&["key", "show", "--json"]);
    assert!(theirs.contains("robot7"), "{theirs}");
    assert_ne!(theirs, own);
    assert_eq!(
        user.run(&["key", "show", "--json"]).stdout.replace("true", "false"),
        own.replace("true", "false")
    );

    let list = user.run(&["context", "list"]);
    assert_eq!(list.stdout, "* robot7\n");
    let show = user.run(&["context", "show", "--json"]);
    assert!(show.stdout.contains("\"domain\":\"seven\""), "{}", show.stdout);
    let unknown = user.run(&["--context", "robot8", "key", "show"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("did you mean robot7?"), "{}", unknown.stderr);
    assert_eq!(user.run(&["context", "remove", "robot7"]).code, Some(0));
    assert_eq!(user.run(&["context", "list"]).code, Some(1));
}

#[test]
fn the_domain_and_endpoints_of_the_context_in_use_are_where_a_command_looks() {
    let (user, other) = (User::new(), User::new());
    let (_reserved, listen) = port();
    let _talker = other.start(&[
        "topic",
        "pub",
        "/chatter",
        "std_msgs/String",
        "data: hello",
        "--domain",
        "seven",
        "--listen",
        &listen,
    ]);
    let set = user.run(&["context", "set", "lab", "--domain", "seven", "--connect", &listen]);
    assert_eq!(set.code, Some(0), "{}", set.stderr);
    let list = user.run(&["--context", "lab", "topic", "list", "--timeout", "20"]);
    assert_eq!(list.stdout, "/chatter\n", "{}", list.stderr);

    // A shell that asks gets the topic, too, for the context that stands on the line.
    let offered = |words: &[&str]| complete(&user, words);
    assert!(offered(&["nuncio", "--context", "lab", "topic", "echo", "/ch"]).contains("/chatter"));
    assert!(offered(&["nuncio", "--context", "lab", "topic", "echo", "ch"]).contains("chatter"));
    assert!(!offered(&["nuncio", "--context", "lab", "topic", "echo", "/x"]).contains("chatter"));
    assert!(offered(&["nuncio", "--context", "l"]).contains("lab"));
    assert!(
        offered(&[
            "nuncio",
            "--context",
            "lab",
            "topic",
            "echo",
            "/chatter",
            "--field",
            "d"
        ])
        .contains("data")
    );
}

#[test]
fn a_shell_is_offered_commands_and_types_and_no_key_is_made() {
    let user = User::new();
    assert!(complete(&user, &["nuncio", "topic", "ec"]).contains("echo"));
    assert!(
        complete(&user, &["nuncio", "topic", "find", "geometry_msgs/msg/Tw"])
            .contains("geometry_msgs/msg/TwistStamped")
    );
    assert!(!user.home().join("nuncio/identity.key").exists());
}

#[test]
fn bash_completes_by_the_script() {
    let user = User::new();
    let script = user.run(&["completion", "bash"]);
    assert_eq!(script.code, Some(0), "{}", script.stderr);
    assert!(script.stdout.contains("NUNCIO_COMPLETE"), "{}", script.stdout);
    let ask = format!(
        "{}\nCOMP_WORDS=(nuncio topic ec) COMP_CWORD=2 COMP_TYPE=9 COMP_POINT=15 COMP_LINE='nuncio topic ec'\n{}\necho \"${{COMPREPLY[@]}}\"",
        script.stdout, "_clap_complete_nuncio nuncio ec topic"
    );
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", &ask]);
    let Ok(answer) = bash.output() else {
        return; // A machine without bash has nothing to show here.
    };
    let answer = String::from_utf8_lossy(&answer.stdout).into_owned();
    assert_eq!(answer.trim(), "echo");
}

/// What a shell would offer.
pub(crate) fn complete(user: &User, words: &[&str]) -> String {
    let mut args = vec!["--"];
    args.extend_from_slice(words);
    let mut command = user.nuncio(&args);
    let index = (words.len() - 1).to_string();
    command
        .env("NUNCIO_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", index);
    let ended = command.output().expect("it runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("text")
}
