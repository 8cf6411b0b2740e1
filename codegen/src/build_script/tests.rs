//! Crates that build on each other's schemas, as Cargo would run their build scripts.

use super::*;

/// The generated text and what dependents get to see.
type Built = Result<(String, Vec<(String, String)>), BuildError>;

struct Crate {
    root: tempfile::TempDir,
    name: &'static str,
}

impl Crate {
    fn new(name: &'static str, files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("out")).unwrap();
        for (path, text) in files {
            let path = root.path().join("interfaces").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self { root, name }
    }

    /// Runs the build script with the features of all packages on; returns the generated text and what dependents get to see.
    fn build(&self, metadata: &[(String, String)]) -> Built {
        let packages = fs::read_dir(self.root.path().join("interfaces")).unwrap();
        let packages: Vec<String> = packages
            .map(|package| package.unwrap().file_name().into_string().unwrap())
            .collect();
        self.build_with(&packages.iter().map(String::as_str).collect::<Vec<_>>(), metadata)
    }

    /// The same with some features only.
    fn build_with(&self, features: &[&str], metadata: &[(String, String)]) -> Built {
        let out = self.root.path().join("out");
        let own = [
            ("OUT_DIR", out.display().to_string()),
            ("CARGO_MANIFEST_DIR", self.root.path().display().to_string()),
            ("CARGO_PKG_NAME", self.name.to_owned()),
            ("CARGO_MANIFEST_LINKS", self.name.to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let on = features
            .iter()
            .map(|feature| (format!("CARGO_FEATURE_{}", feature.to_uppercase()), "1".to_owned()));
        let on: Vec<(String, String)> = on.collect();
        let variables = own
            .iter()
            .chain(metadata)
            .chain(&on)
            .map(|(name, value)| (name.into(), value.into()));
        let instructions = Build::new("interfaces").package_features().compile(variables)?;
        let metadata = instructions
            .iter()
            .filter_map(|line| line.strip_prefix("cargo::metadata=")?.split_once('='))
            .map(|(key, value)| (format!("DEP_{}_{key}", self.name.to_uppercase()), value.to_owned()))
            .collect();
        Ok((fs::read_to_string(out.join("interfaces.rs")).unwrap(), metadata))
    }
}

#[test]
fn types_of_upstream_crates_are_paths_and_never_copies() {
    let first = Crate::new("first", &[("base_msgs/msg/Point.msg", "float64 x\n")]);
    let second = Crate::new("second", &[("mid_msgs/msg/Line.msg", "base_msgs/Point[2] ends\n")]);
    let third = Crate::new("third", &[("top_msgs/msg/Shape.msg", "mid_msgs/Line[] lines\n")]);
    let (_, first_metadata) = first.build(&[]).unwrap();
    let (text, second_metadata) = second.build(&first_metadata).unwrap();
    assert!(
        text.contains("pub ends: [::first::base_msgs::msg::Point; 2],"),
        "{text}"
    );
    assert!(!text.contains("pub mod base_msgs"));
    // The third crate does not depend on the first one, and yet its hashes need the first one's schemas.
    let (text, _) = third.build(&second_metadata).unwrap();
    assert!(
        text.contains("::std::vec::Vec<::second::mid_msgs::msg::Line>"),
        "{text}"
    );
    assert!(text.contains("base_msgs/msg/Point"));
}

#[test]
fn a_package_in_two_places_is_an_error_that_names_both() {
    let first = Crate::new("first", &[("base_msgs/msg/Point.msg", "float64 x\n")]);
    let second = Crate::new("second", &[("base_msgs/msg/Other.msg", "float64 x\n")]);
    let (_, metadata) = first.build(&[]).unwrap();
    let error = second.build(&metadata).unwrap_err().to_string();
    let folder = |own: &Crate| own.root.path().join("interfaces/base_msgs").display().to_string();
    let expected = format!(
        "{}: the package `base_msgs` is also in {}\n\
         help: remove one of them; a package of a crate that you depend on is used from there\n",
        folder(&second),
        folder(&first)
    );
    assert_eq!(error, expected);
}

const TWO_PACKAGES: [(&str, &str); 2] = [
    ("base_msgs/msg/Point.msg", "float64 x\n"),
    ("far_msgs/msg/Line.msg", "# See far_msgs.\nbase_msgs/Point a\n"),
];

#[test]
fn a_package_whose_feature_is_off_keeps_its_schemas_and_has_no_types() {
    let (text, _) = Crate::new("first", &TWO_PACKAGES)
        .build_with(&["base_msgs"], &[])
        .unwrap();
    assert!(
        text.contains("pub mod base_msgs") && !text.contains("pub mod far_msgs"),
        "{text}"
    );
    assert!(
        text.contains("Definition { type_name: \"far_msgs/msg/Line\", text: \"# See far_msgs."),
        "{text}"
    );
}

#[test]
fn a_reference_to_a_package_whose_feature_is_off_names_the_feature() {
    let first = Crate::new("first-crate", &TWO_PACKAGES);
    let second = Crate::new(
        "second",
        &[("mid_msgs/msg/Lines.msg", "# far_msgs\nbool x\nfar_msgs/Line[] lines\n")],
    );
    let third = Crate::new("third", &[("top_msgs/msg/Page.msg", "mid_msgs/Lines lines\n")]);
    let (_, off) = first.build_with(&["base_msgs"], &[]).unwrap();
    let error = second.build(&off).unwrap_err().to_string();
    let expected = [
        "/Lines.msg:3:1: `mid_msgs/msg/Lines` needs `far_msgs/msg/Line`, and the package `far_msgs` is off",
        " 3 | far_msgs/Line[] lines",
        "   | ^^^^^^^^",
        "help: turn on the feature of the same name: `first-crate = { …, features = [\"far_msgs\"] }` in Cargo.toml\n",
    ];
    assert!(error.ends_with(&expected.join("\n")), "{error}");
    // With the feature on, a crate further down has nothing to turn on.
    let (_, on) = first.build(&[]).unwrap();
    let (_, metadata) = second.build(&on).unwrap();
    third.build(&metadata).unwrap();
}

#[test]
fn a_reference_inside_of_a_crate_needs_the_feature_too() {
    let error = Crate::new("first", &TWO_PACKAGES)
        .build_with(&["far_msgs"], &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Line.msg:2:1:") && error.contains("`base_msgs` is off"),
        "{error}"
    );
}

#[test]
fn an_unchanged_text_is_not_written_again() {
    let only = Crate::new("only", &[("a/msg/A.msg", "bool x\n")]);
    only.build(&[]).unwrap();
    let time = || {
        fs::metadata(only.root.path().join("out/interfaces.rs"))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before = time();
    only.build(&[]).unwrap();
    assert_eq!(time(), before);
}

#[test]
fn a_list_of_upstream_crates_that_cannot_be_read_is_named() {
    let only = Crate::new("only", &[("a/msg/A.msg", "bool x\n")]);
    let far = only.root.path().display().to_string();
    let metadata = [
        ("DEP_FAR_NUNCIO_SCHEMAS".to_owned(), far.clone()),
        ("DEP_FAR_NUNCIO_UPSTREAM".to_owned(), format!("{far}/gone.txt")),
    ];
    let error = only.build(&metadata).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("cannot use {far}/gone.txt: No such file or directory (os error 2)")
    );
}

#[test]
fn outside_of_a_build_script_the_missing_variable_is_named() {
    let error = Build::new("interfaces").compile([]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "OUT_DIR is not set; call this from a build script that Cargo runs"
    );
}
