//! What is said about folders, served definitions and names that are wrong, word for word.

use std::fs;
use std::path::{Path, PathBuf};

use nuncio_codegen::model::TypeName;
use nuncio_codegen::{
    CrateOptions, Dependency, SourceFile, Target, compile, describe, emit, generate_crate, read_folder,
};

/// A folder with these files. Texts about it say DIR instead of its path.
struct Place(tempfile::TempDir);

impl Place {
    fn with(files: &[(&str, &str)]) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = place.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn said<T>(&self, outcome: Result<T, impl ToString>) -> String {
        match outcome {
            Ok(_) => panic!("nothing is wrong"),
            Err(problems) => problems
                .to_string()
                .replace(&self.0.path().display().to_string(), "DIR"),
        }
    }
}

#[test]
fn folders() {
    let place = Place::with(&[
        ("names/Bad/msg/A.msg", ""),
        ("names/good/msg/lower.msg", ""),
        ("names/good/srv/Under_Score.srv", ""),
        ("unreadable/x_msgs/msg/A.msg/not_a_file", ""),
        ("none/README.md", ""),
    ]);
    let said = |folder: &str| place.said(read_folder(&place.path(folder)));
    insta::assert_snapshot!(
        [
            "names",
            "unreadable",
            "none",
            "none/README.md",
            "none/README.md/below",
            "missing"
        ]
        .map(said)
        .join("\n")
    );
}

#[test]
fn served_definitions() {
    let many = vec![("a/msg/A", ""); 1025];
    let lines = "\n".repeat(131_072);
    let long = "#".repeat(4 * 1024 * 1024 + 1);
    let cases: [(&str, &[(&str, &str)]); 6] = [
        ("not a name", &[]),
        ("a/msg/A", &many),
        ("a/msg/A", &[("a/msg/A", &lines)]),
        ("a/msg/A", &[("a/msg/A", &long)]),
        ("a/msg/A", &[("../A", "")]),
        ("a/msg/A", &[("b/msg/B", "")]),
    ];
    let said = cases.map(|(name, definitions)| describe(name, definitions).unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_service_without_the_packages_that_every_service_needs() {
    let sources = [SourceFile::new(
        "A.action",
        TypeName::parse("a/action/A").unwrap(),
        "---\n---\n",
    )];
    let target = Target {
        crate_path: "::nuncio_msgs".to_owned(),
        module: String::new(),
        upstream: [].into(),
        off: [].into(),
        service_events: false,
    };
    let problems = emit(&compile(&sources).unwrap(), &target).unwrap_err();
    insta::assert_snapshot!(problems);
}

#[test]
fn generated_crates() {
    let place = Place::with(&[
        ("schemas/a_msgs/msg/A.msg", "bool x\n"),
        ("upstream/std_msgs/msg/Empty.msg", ""),
        ("occupied/precious.txt", ""),
    ]);
    std::os::unix::fs::symlink("nowhere", place.path("dangling")).unwrap();
    let options = CrateOptions {
        name: None,
        nuncio: Dependency::Version("0.1".to_owned()),
        upstream: read_folder(&place.path("upstream")).unwrap().files,
        packages: Vec::new(),
    };
    let said = |folder: &str, output: &Path, options: CrateOptions| {
        place.said(generate_crate(&[place.path(folder)], output, &options))
    };
    let wanted = CrateOptions {
        packages: vec!["no_msgs".to_owned()],
        ..options.clone()
    };
    let named = CrateOptions {
        name: Some("Upper".to_owned()),
        ..options.clone()
    };
    let report = [
        said("schemas", &place.path("occupied"), options.clone()),
        said("schemas", &place.path("occupied/precious.txt"), options.clone()),
        said("schemas", &place.path("new"), wanted),
        said("schemas", &place.path("new"), named),
        said("upstream", &place.path("new"), options.clone()),
        said("schemas", &place.path("dangling"), options),
    ];
    insta::assert_snapshot!(report.join("\n"));
}
