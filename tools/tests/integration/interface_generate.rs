//! `interface generate`: what it writes is compiled by Cargo, together with a crate that uses it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::User;

/// A package as ROS 2 installs one.
const INSTALLED: [(&str, &str); 4] = [
    (
        "ros/share/paddock_msgs/msg/Fence.msg",
        "std_msgs/Header header\ngeometry_msgs/Point[] posts\nfloat32 height  # @range [0, 3]\n",
    ),
    (
        "ros/share/paddock_msgs/srv/Open.srv",
        "string gate\n---\nbool success\n",
    ),
    ("ros/share/paddock_msgs/package.xml", "<package/>\n"),
    ("ros/share/no_interfaces/readme.txt", "x\n"),
];

fn text(path: &Path) -> &str {
    path.to_str().expect("a text")
}

#[test]
fn a_generated_crate_compiles_and_its_types_are_used_by_another() {
    let user = User::new();
    user.write(&INSTALLED);
    // Its own folder, which stays: what was compiled once is not compiled again.
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generate");
    let _ = fs::remove_dir_all(&place);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = place.join("paddock");
    let args = ["interface", "generate", &user.path("ros"), "-o", text(&output)];
    let ended = user.run(&[&args[..], &["--nuncio", text(repository)]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("paddock/interfaces/paddock_msgs/srv/Open.srv\n"),
        "{ended:?}"
    );

    let rider = place.join("rider");
    fs::create_dir_all(rider.join("src")).unwrap();
    let manifest =
        "[package]\nname = \"rider\"\nedition = \"2024\"\n[dependencies]\npaddock = { path = \"../paddock\" }\n";
    fs::write(rider.join("Cargo.toml"), manifest).unwrap();
    let source = "use paddock::paddock_msgs::{msg::Fence, srv::OpenRequest};\n\
        pub fn height(fence: &Fence) -> f32 { fence.height }\n\
        pub fn gate(request: OpenRequest) -> String { request.gate }\n";
    fs::write(rider.join("src/lib.rs"), source).unwrap();
    let workspace =
        "[workspace]\nresolver = \"3\"\nmembers = [\"paddock\", \"rider\"]\n\n[profile.dev]\ndebug = false\n";
    fs::write(place.join("Cargo.toml"), workspace).unwrap();
    // The versions that are there already: nothing is fetched.
    fs::copy(repository.join("Cargo.lock"), place.join("Cargo.lock")).unwrap();

    let checked = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        .current_dir(&place)
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("downstream"),
        )
        .env("RUSTFLAGS", "-Dwarnings")
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn without_a_folder_the_places_of_ros_are_read() {
    let user = User::new();
    user.write(&INSTALLED);
    user.write(&[("empty/share/no_interfaces/readme.txt", "x\n")]);
    let (empty, output) = (user.path("empty"), user.path("paddock"));
    let args = ["interface", "generate", "-o", &output, "--json"];
    let generate = |variable: &str| {
        let ended = user.start_as(&args, |command| {
            command.env("AMENT_PREFIX_PATH", variable);
        });
        ended.end()
    };
    let places = format!("{empty}:{}:/no/such/prefix", user.path("ros"));
    let ended = generate(&places);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let [made] = ended.json().try_into().unwrap();
    assert_eq!(made["crate"], "paddock");
    assert_eq!(made["packages"], serde_json::json!(["paddock_msgs"]));
    assert_eq!(made["features"], serde_json::json!(["geometry_msgs", "std_msgs"]));
    assert!(Path::new(&output).join("build.rs").is_file());

    let refused = generate(&empty);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("AMENT_PREFIX_PATH has"), "{refused:?}");
    let refused = user.run(&args);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("AMENT_PREFIX_PATH is not set"), "{refused:?}");
}

#[test]
fn nothing_is_overwritten_and_nothing_is_written_for_wrong_schemas() {
    let user = User::new();
    user.write(&INSTALLED);
    user.write(&[("kept/precious.txt", "x")]);
    let generate = |output: &str, further: &[&str]| {
        let args = ["interface", "generate", &user.path("ros"), "-o", &user.path(output)];
        let ended = user.run(&[&args[..], further].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        ended.stderr
    };
    let refused = generate("kept", &[]);
    assert!(refused.contains("kept: the folder is not empty"), "{refused}");
    assert_eq!(fs::read_dir(user.path("kept")).unwrap().count(), 1);
    let refused = generate("new", &["--nuncio", &user.path("kept")]);
    assert!(refused.contains("expected Nuncio's sources"), "{refused}");
    let refused = generate("new", &["--package", "unicorn_msgs"]);
    assert!(
        refused.contains("unicorn_msgs: no folder has this package"),
        "{refused}"
    );
    user.write(&[("ros/share/paddock_msgs/msg/Fence.msg", "flaot32 height\n")]);
    let refused = generate("new", &[]);
    assert!(refused.contains("Fence.msg:1:1"), "{refused}");
    assert!(!user.home().join("new").exists());
}
