//! The Cargo features against the schemas: each package has one, and it brings what the package's types refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nuncio_codegen::model::Message;
use nuncio_codegen::{compile, read_folder};

/// The features of the manifest, each with those that it turns on.
fn features() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = include_str!("../../Cargo.toml");
    let (_, section) = manifest.split_once("[features]\n").unwrap();
    let (section, _) = section.split_once("\n[").unwrap();
    let assignments = section.split("]\n").filter_map(|entry| entry.split_once(" = ["));
    let quoted = |list: &str| list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assignments
        .map(|(name, list)| (name.trim().to_owned(), quoted(list)))
        .collect()
}

/// A feature and all that it turns on, directly or not.
fn closure(features: &BTreeMap<String, BTreeSet<String>>, name: &str) -> BTreeSet<String> {
    let (mut closure, mut open) = (BTreeSet::new(), vec![name.to_owned()]);
    while let Some(name) = open.pop() {
        if closure.insert(name.clone()) {
            open.extend(features[&name].iter().cloned());
        }
    }
    closure
}

#[test]
fn each_package_has_a_feature_that_brings_what_its_types_refer_to() {
    let features = features();
    let folder = read_folder(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let interfaces = compile(&folder.files).unwrap();
    let mut needed: BTreeMap<&str, BTreeSet<&str>> = folder
        .packages
        .keys()
        .map(|package| (package.as_str(), BTreeSet::new()))
        .collect();
    for message in interfaces.messages().iter().filter(|message| !is_event(message)) {
        let references = message.references().map(|name| name.package.as_str());
        needed
            .get_mut(message.type_name.package.as_str())
            .unwrap()
            .extend(references);
    }
    for (package, needed) in needed {
        let brought = closure(&features, package);
        for other in needed {
            assert!(brought.contains(other), "feature {package} does not bring {other}");
        }
        assert!(
            closure(&features, "all").contains(package),
            "feature all does not bring {package}"
        );
    }
}

/// Events of services are hashed and never sent: they have no Rust type.
fn is_event(message: &Message) -> bool {
    message.type_name.name.ends_with("_Event")
}
