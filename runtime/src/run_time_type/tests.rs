//! What the codec promises: the bytes and the JSON of generated types, exact errors, and no harm from hostile input.

mod agreement;
mod cdr;
mod damage;
mod protobuf;
mod random;
mod refused_json;
mod refused_types;
mod translation;
mod web;
mod wire;

use super::RunTimeType;

/// The codec of the first type; each is a pair of name and schema text.
fn codec(definitions: &[(&str, &str)]) -> RunTimeType {
    let description =
        nuncio_codegen::describe(definitions[0].0, definitions).unwrap_or_else(|problems| panic!("{problems}"));
    RunTimeType::new(&description).unwrap()
}

/// The codec of a message with these fields.
fn fields(text: &str) -> RunTimeType {
    codec(&[("a/msg/A", text)])
}

/// The tree of a JSON text, which serde_json may have written in other digits: `float32` turns to exponents earlier.
fn tree(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The payload's JSON, the same from text and from tree.
fn json(codec: &RunTimeType, payload: &[u8]) -> String {
    let mut text = String::new();
    codec.write_json(payload, &mut text).unwrap();
    assert_eq!(codec.to_json(payload).unwrap(), tree(&text));
    text
}
