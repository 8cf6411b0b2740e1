//! Three crates in a row, compiled by Cargo as users' crates are: `nuncio-msgs`, one that refers to its types, and one
//! that refers to the types of both.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nuncio_codegen::model::TypeName;
use nuncio_codegen::{compile, read_folder, type_hash};

const BUILD: &str = "fn main() {\n    nuncio_codegen::build(\"interfaces\");\n}\n";

/// The schemas of the crate in the middle.
const PARTS: [(&str, &str); 2] = [
    (
        "parts/interfaces/parts_msgs/msg/Leg.msg",
        "std_msgs/Header header\ngeometry_msgs/Point foot\nfloat64 load  # @range [0, 1]\n",
    ),
    (
        "parts/interfaces/parts_msgs/srv/Lift.srv",
        "Leg leg\n---\nbool success\n",
    ),
];

/// The schemas of the last one.
const HERD: [(&str, &str); 1] = [(
    "herd/interfaces/herd_msgs/msg/Walker.msg",
    "parts_msgs/Leg[4] legs\ngeometry_msgs/Point[] path\n",
)];

/// Its fields have the types of the crates upstream, and it compiles for these hashes only.
const HERD_LIB: &str = "\
nuncio_msgs::include_interfaces!();

use nuncio_msgs::geometry_msgs::msg::Point;
use nuncio_msgs::{Message, TypeHash};
use robot_parts::parts_msgs::msg::Leg;

pub fn legs(walker: herd_msgs::msg::Walker) -> ([Leg; 4], Vec<Point>) {
    (walker.legs, walker.path)
}

pub fn foot(request: robot_parts::parts_msgs::srv::LiftRequest) -> Point {
    request.leg.foot
}

const fn same(hash: TypeHash, expected: [u8; 32]) -> bool {
    let (found, mut at) = (*hash.as_bytes(), 0);
    while at < 32 {
        if found[at] != expected[at] {
            return false;
        }
        at += 1;
    }
    true
}
";

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// A folder that this test has for itself, and that stays: what was compiled once is not compiled again.
fn empty_place() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chain");
    let _ = fs::remove_dir_all(&place);
    place
}

fn write(place: &Path, path: &str, text: &str) {
    let path = place.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
    fs::write(path, text).expect("the file is written");
}

fn manifest(name: &str, further: &str) -> String {
    let root = repository().display();
    format!(
        "[package]\nname = \"{name}\"\nedition = \"2024\"\nlinks = \"{}\"\n\n\
         [dependencies]\nnuncio-msgs = {{ path = \"{root}/msgs\", default-features = false, features = [\"geometry_msgs\"] }}\n\
         {further}\n[build-dependencies]\nnuncio-codegen = {{ path = \"{root}/codegen\" }}\n",
        name.replace('-', "_")
    )
}

/// The constants that hold only if the crates' own compilation gives the hashes that all files together give.
fn hash_checks(place: &Path) -> String {
    let folders = [
        repository().join("msgs"),
        place.join("parts/interfaces"),
        place.join("herd/interfaces"),
    ];
    let read = |folder: &PathBuf| read_folder(folder).expect("the schemas are read").files;
    let files: Vec<_> = folders.iter().flat_map(read).collect();
    let interfaces = compile(&files).expect("the schemas compile");
    let mut checks = String::new();
    for (name, path) in [
        ("herd_msgs/msg/Walker", "herd_msgs::msg::Walker"),
        ("parts_msgs/msg/Leg", "Leg"),
    ] {
        let name = TypeName::parse(name).expect("a type name");
        let hash = type_hash(&interfaces.describe(&name).expect("the type is known"));
        writeln!(checks, "const _: () = assert!(same({path}::TYPE_HASH, {hash:?}));").expect("a text");
    }
    checks
}

#[test]
fn a_third_crate_refers_to_the_types_of_the_crates_upstream() {
    let place = empty_place();
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"parts\", \"herd\"]\n\n[profile.dev]\ndebug = false\n";
    write(&place, "Cargo.toml", workspace);
    // The versions that are there already: nothing is fetched.
    fs::copy(repository().join("Cargo.lock"), place.join("Cargo.lock")).expect("the lock file is copied");
    for (path, text) in PARTS.iter().chain(&HERD) {
        write(&place, path, text);
    }
    write(&place, "parts/Cargo.toml", &manifest("robot-parts", ""));
    write(&place, "parts/src/lib.rs", "nuncio_msgs::include_interfaces!();\n");
    let parts = "robot-parts = { path = \"../parts\" }\n";
    write(&place, "herd/Cargo.toml", &manifest("robot-herd", parts));
    write(
        &place,
        "herd/src/lib.rs",
        &format!("{HERD_LIB}\n{}", hash_checks(&place)),
    );
    for part in ["parts", "herd"] {
        write(&place, &format!("{part}/build.rs"), BUILD);
    }

    let ended = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        .current_dir(&place)
        .env(
            "CARGO_TARGET_DIR",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("downstream"),
        )
        .env("RUSTFLAGS", "-Dwarnings")
        .output()
        .expect("Cargo runs");
    let talk = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{talk}");
}
