//! Crates generated into temporary folders.

use super::*;

const VECTOR: &str = "float64 x\nfloat64 y\n";

fn upstream() -> Vec<SourceFile> {
    let file = |name: &str, text: &str| SourceFile::new(format!("{name}.msg"), TypeName::parse(name).unwrap(), text);
    vec![
        file("geometry_msgs/msg/Vector", VECTOR),
        file("nav_msgs/msg/Path", "geometry_msgs/Vector[] points\n"),
        file("std_msgs/msg/Empty", ""),
    ]
}

fn options() -> CrateOptions {
    CrateOptions {
        name: None,
        nuncio: Dependency::Version("0.1".to_owned()),
        upstream: upstream(),
        packages: Vec::new(),
    }
}

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// An installed prefix, and one below it with other forms of the same packages.
fn prefixes() -> (tempfile::TempDir, tempfile::TempDir) {
    let overlay = folder_with(&[
        (
            "share/robot_msgs/msg/Status.msg",
            "geometry_msgs/Vector v\nother_msgs/Part part\n",
        ),
        ("share/robot_msgs/srv/Ask.srv", "---\nnav_msgs/Path path\n"),
        (
            "share/robot_msgs/msg/Hand.idl",
            "module robot_msgs { module msg { struct Hand { long x; }; }; };",
        ),
    ]);
    let underlay = folder_with(&[
        ("share/robot_msgs/msg/Old.msg", "bool x\n"),
        ("share/other_msgs/msg/Part.msg", "bool x\n"),
        ("share/third_msgs/msg/Far.msg", "bool x\n"),
        ("share/geometry_msgs/msg/Vector.msg", "float64 x\n"),
        ("share/std_msgs/msg/Empty.msg", "\n"),
    ]);
    (overlay, underlay)
}

fn read(output: &Path, path: &str) -> String {
    fs::read_to_string(output.join(path)).unwrap()
}

#[test]
fn a_crate_has_a_manifest_a_build_script_and_copies_of_the_schemas() {
    let (overlay, underlay) = prefixes();
    let target = tempfile::tempdir().unwrap();
    let output = target.path().join("robot-interfaces");
    let sources = [overlay.path().to_owned(), underlay.path().to_owned()];
    let generated = generate_crate(&sources, &output, &options()).unwrap();
    assert_eq!(generated.crate_name, "robot-interfaces");
    assert_eq!(generated.packages, ["other_msgs", "robot_msgs", "third_msgs"]);
    assert_eq!(generated.features, ["geometry_msgs", "nav_msgs"]);
    assert_eq!(generated.differing, [TypeName::parse("geometry_msgs/Vector").unwrap()]);
    let files: Vec<String> = generated.files.iter().map(|file| file.display().to_string()).collect();
    let expected = [
        "Cargo.toml",
        "README.md",
        "build.rs",
        "interfaces/other_msgs/msg/Part.msg",
        "interfaces/robot_msgs/msg/Hand.idl",
        "interfaces/robot_msgs/msg/Status.msg",
        "interfaces/robot_msgs/srv/Ask.srv",
        "interfaces/third_msgs/msg/Far.msg",
        "src/lib.rs",
    ];
    assert_eq!(files, expected);
    let manifest = read(&output, "Cargo.toml");
    for line in [
        "name = \"robot-interfaces\"",
        "links = \"robot_interfaces\"",
        "nuncio-msgs = { version = \"0.1\", default-features = false, features = [\"geometry_msgs\", \"nav_msgs\"] }",
        "nuncio-codegen = { version = \"0.1\" }",
    ] {
        assert!(manifest.lines().any(|found| found == line), "{manifest}");
    }
    assert!(read(&output, "src/lib.rs").contains("include_interfaces!()"));
    assert!(read(&output, "build.rs").contains("nuncio_codegen::build(\"interfaces\")"));
    assert!(read(&output, "README.md").contains("use robot_interfaces::other_msgs::msg;"));
    assert_eq!(
        read(&output, "interfaces/robot_msgs/srv/Ask.srv"),
        "---\nnav_msgs/Path path\n"
    );
}

#[test]
fn a_wanted_package_brings_what_it_refers_to_and_nothing_else() {
    let (overlay, underlay) = prefixes();
    let target = tempfile::tempdir().unwrap();
    let sources = [overlay.path().to_owned(), underlay.path().to_owned()];
    let mut options = CrateOptions {
        packages: vec!["robot_msgs".to_owned()],
        name: Some("x".to_owned()),
        ..options()
    };
    let generated = generate_crate(&sources, target.path(), &options).unwrap();
    assert_eq!(generated.packages, ["other_msgs", "robot_msgs"]);
    options.packages = vec!["no_msgs".to_owned()];
    let empty = tempfile::tempdir().unwrap();
    let error = generate_crate(&sources, empty.path(), &options)
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("no_msgs: no folder has this package"), "{error}");
}

#[test]
fn nuncio_in_a_folder_is_named_relative_to_the_crate() {
    let source = folder_with(&[("a_msgs/msg/A.msg", "bool x\n")]);
    let target = folder_with(&[("nuncio/msgs/Cargo.toml", ""), ("nuncio/codegen/Cargo.toml", "")]);
    let output = target.path().join("work/mine");
    let nuncio = Dependency::Workspace(target.path().join("nuncio"));
    generate_crate(
        &[source.path().to_owned()],
        &output,
        &CrateOptions { nuncio, ..options() },
    )
    .unwrap();
    let manifest = read(&output, "Cargo.toml");
    assert!(
        manifest.contains("path = \"../../nuncio/msgs\"") && manifest.contains("\"../../nuncio/codegen\""),
        "{manifest}"
    );
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let source = folder_with(&[("a_msgs/msg/A.msg", "bool x\n")]);
    let output = folder_with(&[("precious.txt", "x")]);
    let error = generate_crate(&[source.path().to_owned()], output.path(), &options())
        .unwrap_err()
        .to_string();
    assert!(error.contains("the folder is not empty"), "{error}");
    assert_eq!(fs::read_dir(output.path()).unwrap().count(), 1);
}

#[test]
fn nothing_is_written_when_something_is_wrong() {
    let target = tempfile::tempdir().unwrap();
    let output = target.path().join("out");
    let refused = |files: &[(&str, &str)], options: &CrateOptions| {
        let source = folder_with(files);
        let error = generate_crate(&[source.path().to_owned()], &output, options)
            .unwrap_err()
            .to_string();
        assert!(!output.exists());
        error
    };
    let good = [("a_msgs/msg/A.msg", "bool x\n")];
    assert!(refused(&[("a_msgs/msg/A.msg", "Unknown x\n")], &options()).contains("A.msg:1:1: there is no message"));
    assert!(refused(&[("a_msgs/msg/A.msg", "float64[99999] x\n")], &options()).contains("on the stack"));
    assert!(refused(&[("README.md", "")], &options()).contains("no interface files found"));
    assert!(refused(&[("std_msgs/msg/Empty.msg", "")], &options()).contains("has every package"));
    for name in [
        "",
        "Upper",
        "1st",
        "a b",
        "../x",
        "nuncio-msgs",
        "nuncio_msgs",
        "crate",
        "type",
    ] {
        let options = CrateOptions {
            name: Some(name.to_owned()),
            ..options()
        };
        assert!(
            refused(&good, &options).contains("cannot be the name of the crate"),
            "{name}"
        );
    }
}

#[test]
fn a_folder_that_rust_has_a_word_for_still_gives_a_crate_that_others_can_name() {
    let source = folder_with(&[("a_msgs/msg/A.msg", "bool x\n")]);
    let place = tempfile::tempdir().unwrap();
    let output = place.path().join("crate");
    generate_crate(&[source.path().to_owned()], &output, &options()).unwrap();
    assert!(read(&output, "Cargo.toml").contains("name = \"crate-interfaces\""));
}
