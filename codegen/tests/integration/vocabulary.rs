//! The interfaces that Nuncio ships, as a program finds them at run time.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use nuncio_codegen::model::TypeName;
use nuncio_codegen::{Interfaces, compile, describe, read_folder, split_definitions, type_hash, type_hash_text};

fn vocabulary() -> Interfaces {
    let folder = read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../msgs"))
        .unwrap_or_else(|problems| panic!("{problems}"));
    compile(&folder.files).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_shipped_type_is_compiled_and_hashed_in_a_moment() {
    let start = Instant::now();
    let interfaces = vocabulary();
    for message in interfaces.messages() {
        type_hash(&interfaces.describe(&message.type_name).unwrap());
    }
    // In a debug build on a busy machine it takes a tenth of this.
    assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
}

#[test]
fn the_joined_definition_of_a_message_describes_it_again() {
    let interfaces = vocabulary();
    let name = TypeName::parse("std_msgs/msg/Header").unwrap();
    let joined = interfaces.definition_text(&name).unwrap();
    let parts = split_definitions("std_msgs/msg/Header", &joined);
    assert_eq!(
        parts.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["std_msgs/msg/Header", "builtin_interfaces/Time"]
    );
    let description = describe("std_msgs/msg/Header", &parts).unwrap();
    assert_eq!(type_hash(&description), type_hash(&interfaces.describe(&name).unwrap()));
}

#[test]
fn every_known_hash_is_the_one_that_ros_computes() {
    let vectors: BTreeMap<&str, &str> = serde_json::from_str(include_str!("../fixtures/rihs01.json")).unwrap();
    let interfaces = vocabulary();
    for (name, expected) in &vectors {
        let description = interfaces.describe(&TypeName::parse(name).unwrap()).expect(name);
        assert_eq!(type_hash_text(&type_hash(&description)), *expected, "{name}");
    }
}

#[test]
fn referenced_types_are_hashed_in_the_order_of_their_whole_names() {
    // `action` comes before `msg`, and `msg` before `srv`: this action refers to all three.
    let name = TypeName::parse("tf2_msgs/action/LookupTransform").unwrap();
    let description = vocabulary().describe(&name).unwrap();
    let names: Vec<String> = description
        .referenced
        .iter()
        .map(|message| message.type_name.to_string())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(
        type_hash_text(&type_hash(&description)),
        "RIHS01_0b8adf6bc0b5958879e3265b41a457e03558fe523890a81252c70eba97a82c5d"
    );
}
