//! What the fuzzers call with any bytes, and `cargo test` with those of the corpus: it must come to an end, without a
//! panic, and what was understood must hold together.

use nuncio_codegen::model::TypeName;
use nuncio_codegen::{
    Interfaces, SourceFile, Target, compile, describe, emit, json_schema, msg_text, split_definitions,
    type_description_json, type_hash,
};

/// The text of a `.msg` file.
pub(crate) fn msg(data: &[u8]) {
    file("a_msgs/msg/A", "A.msg", data);
}

/// The text of an `.action` file, which has all that an `.srv` file has.
pub(crate) fn action(data: &[u8]) {
    file("a_msgs/action/A", "A.action", data);
}

/// The text of an `.idl` file.
pub(crate) fn idl(data: &[u8]) {
    file("a_msgs/msg/A", "A.idl", data);
}

/// Definitions as a stranger serves them for a type: its own text, and those of others behind lines of `=`.
pub(crate) fn served(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parts = split_definitions("a_msgs/msg/A", &text);
    match describe("a_msgs/msg/A", &parts) {
        Ok(description) => {
            json_schema(&description);
            type_description_json(&description);
        }
        Err(problems) => assert!(problems.to_string().len() < 200_000),
    }
}

fn file(name: &str, path: &str, data: &[u8]) {
    let source = |name: &str, path: &str, text: &[u8]| {
        TypeName::parse(name).map(|type_name| SourceFile::new(path, type_name, text))
    };
    let sources: Result<Vec<SourceFile>, _> = [
        source(name, path, data),
        source("a_msgs/msg/B", "B.msg", b"uint8 ONE=1\nint32 x"),
        source("builtin_interfaces/msg/Time", "Time.msg", b"int32 sec\nuint32 nanosec"),
        source("unique_identifier_msgs/msg/UUID", "UUID.msg", b"uint8[16] uuid"),
    ]
    .into_iter()
    .collect();
    match compile(&sources.expect("the names are right")) {
        Ok(interfaces) => understood(&interfaces),
        Err(problems) => assert!(problems.to_string().len() < 200_000),
    }
}

/// Everything that is made of interfaces can be made of these; the text of a message means the message.
fn understood(interfaces: &Interfaces) {
    for name in interfaces.names() {
        let description = interfaces.describe(name).expect("what has a name has a description");
        json_schema(&description);
        interfaces.definition_text(name);
        if name.to_string() != "a_msgs/msg/A" {
            continue;
        }
        let hash = type_hash(&description);
        let Some(definitions) = interfaces.definitions(name) else {
            continue;
        };
        let named: Vec<(String, &str)> = definitions
            .into_iter()
            .map(|(name, text)| (name.to_string(), text))
            .collect();
        let served: Vec<(&str, &str)> = named.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        match describe("a_msgs/msg/A", &served) {
            Ok(again) => assert_eq!(type_hash(&again), hash, "as served"),
            Err(problems) => panic!("the definitions of a message are refused when they are served: {problems}"),
        }
        interfaces.message(name).map(msg_text);
    }
    let target = Target {
        crate_path: "::nuncio_msgs".to_owned(),
        module: String::new(),
        upstream: [].into(),
        off: [].into(),
        service_events: false,
    };
    _ = emit(interfaces, &target);
}
