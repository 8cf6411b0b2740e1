//! Each type, through each of its forms.

use std::collections::BTreeSet;
use std::fmt::Debug;

use nuncio_msgs::{Message, SCHEMAS};

fn default_survives<M: Message + Debug>() {
    let default = M::default();
    let payload = postcard::to_stdvec(&default).unwrap();
    assert_eq!(
        postcard::from_bytes::<M>(&payload).unwrap(),
        default,
        "{}",
        M::TYPE_NAME
    );
    if let Some(greatest) = M::MAX_ENCODED_LEN {
        assert!(
            payload.len() <= greatest,
            "{} takes {} bytes, at most {greatest}",
            M::TYPE_NAME,
            payload.len()
        );
    }
    let json = serde_json::to_string(&default).unwrap();
    if !json.contains("null") {
        assert_eq!(serde_json::from_str::<M>(&json).unwrap(), default, "{json}");
    }
    assert_eq!(serde_json::from_str::<M>("{}").unwrap(), default, "{}", M::TYPE_NAME);
}

fn definition_describes_the_type<M: Message>() {
    let definitions: Vec<(&str, &str)> = M::DEFINITIONS.iter().map(|file| (file.type_name, file.text)).collect();
    let description = nuncio_codegen::describe(M::TYPE_NAME, &definitions).unwrap();
    assert_eq!(
        nuncio_codegen::type_hash(&description),
        *M::TYPE_HASH.as_bytes(),
        "{}",
        M::TYPE_NAME
    );
    assert_eq!(nuncio_codegen::type_description_json(&description), M::TYPE_DESCRIPTION);
    assert_eq!(M::DEFINITIONS.first(), Some(&M::DEFINITION));
}

fn schemas_agree<M: Message>() {
    let definitions: Vec<(&str, &str)> = M::DEFINITIONS.iter().map(|file| (file.type_name, file.text)).collect();
    let description = nuncio_codegen::describe(M::TYPE_NAME, &definitions).unwrap();
    let at_run_time: serde_json::Value = serde_json::from_str(&nuncio_codegen::json_schema(&description)).unwrap();
    let generated = nuncio_msgs::schemars::schema_for!(M).to_value();
    assert_eq!(at_run_time, generated, "{}", M::TYPE_NAME);
}

#[test]
fn the_json_schema_of_a_description_is_that_of_the_type() {
    macro_rules! each { ($($name:path,)*) => { $(schemas_agree::<$name>();)* } }
    nuncio_msgs::for_each_message!(each);
}

#[test]
fn the_default_value_survives_payload_and_json() {
    macro_rules! each { ($($name:path,)*) => { $(default_survives::<$name>();)* } }
    nuncio_msgs::for_each_message!(each);
}

#[test]
fn the_embedded_definitions_describe_the_type() {
    macro_rules! each { ($($name:path,)*) => { $(definition_describes_the_type::<$name>();)* } }
    nuncio_msgs::for_each_message!(each);
}

#[test]
fn no_payload_is_too_short_to_be_refused() {
    fn truncations<M: Message>() {
        let payload = postcard::to_stdvec(&M::default()).unwrap();
        for length in 0..payload.len() {
            assert!(
                postcard::from_bytes::<M>(&payload[..length]).is_err(),
                "{} at {length}",
                M::TYPE_NAME
            );
        }
    }
    macro_rules! each { ($($name:path,)*) => { $(truncations::<$name>();)* } }
    nuncio_msgs::for_each_message!(each);
}

#[test]
fn every_schema_is_embedded_once() {
    let names: BTreeSet<&str> = SCHEMAS.iter().map(|schema| schema.type_name).collect();
    assert_eq!(names.len(), SCHEMAS.len());
    assert!(names.contains("builtin_interfaces/msg/Time"));
}
