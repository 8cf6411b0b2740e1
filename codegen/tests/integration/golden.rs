//! The generated text of each fixture package. The same packages are compiled for real in `fixture_crate`.

use std::collections::BTreeMap;
use std::path::Path;

use nuncio_codegen::{Folder, Target, compile, emit, read_folder};

fn folder(path: &str) -> Folder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    read_folder(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The text of one fixture package, all others being upstream.
fn generated(package: &str) -> String {
    let (vocabulary, fixtures) = (folder("../msgs"), folder("tests/fixture_crate/interfaces"));
    let mut upstream: BTreeMap<String, String> = vocabulary
        .packages
        .into_keys()
        .map(|name| (name, "::nuncio_msgs".to_owned()))
        .collect();
    let others = fixtures.packages.into_keys().filter(|name| name != package);
    upstream.extend(others.map(|name| (name, "::fixtures".to_owned())));
    let files: Vec<_> = vocabulary.files.into_iter().chain(fixtures.files).collect();
    let interfaces = compile(&files).unwrap_or_else(|problems| panic!("{problems}"));
    let target = Target {
        crate_path: "::nuncio_msgs".to_owned(),
        module: String::new(),
        upstream,
        off: BTreeMap::new(),
        service_events: package == "services",
    };
    emit(&interfaces, &target).unwrap_or_else(|problems| panic!("{problems}"))
}

macro_rules! golden {
    ($($test:ident: $package:literal,)*) => {
        $(
            #[test]
            fn $test() {
                insta::assert_snapshot!($package, generated($package));
            }
        )*
    };
}

golden! {
    keywords_become_raw_identifiers: "keyword_fields",
    a_package_may_be_named_as_a_keyword: "type",
    types_inside_types_are_paths: "nested",
    bounds_are_checked: "bounds",
    constants_are_associated: "constants",
    defaults_are_written_out: "defaults",
    large_arrays_have_an_encoding: "large_arrays",
    empty_messages_have_no_fields: "empty",
    annotations_are_checked_and_documented: "annotations",
    comments_cannot_break_the_documentation: "comments",
    services_and_actions_have_parts: "services",
    interfaces_may_be_written_in_idl: "idl_package",
}
