//! What rosbridge's JSON has that the codec does not: the one place where messages of clients are made what the codec reads. Pure.
//!
//! | client | codec |
//! |---|---|
//! | `{"secs": 1, "nsecs": 2}` for a time or a duration | `{"sec": 1, "nanosec": 2}` |
//! | a header without a stamp, or with one that is zero | the stamp is `now` |
//! | no header at all, where a message begins with one | the header is `now` |
//! | arguments of a call as a list, or none | an object with the fields in their order |
//!
//! Everything else is the same on both sides: base64 or lists for octets, null for NaN, the word `now`, defaults for fields that
//! are left out.

use nuncio_codegen::model::{Count, Element, Field, Message, TypeDescription};
use serde_json::{Map, Value};

const HEADER: &str = "std_msgs/msg/Header";
const TIMES: [&str; 2] = ["builtin_interfaces/msg/Time", "builtin_interfaces/msg/Duration"];

/// Makes a message of a client what the codec reads.
pub(super) fn prepare(description: &TypeDescription, message: &mut Value) {
    if let (Some(header), Value::Object(members)) = (header_of(&description.root), &mut *message)
        && !members.contains_key(&header.name)
    {
        members.insert(header.name.clone(), Value::from("now"));
    }
    prepare_message(description, &description.root, message);
}

/// The arguments of a call: an object, a list in the order of the fields, or nothing.
pub(super) fn arguments(description: &TypeDescription, args: Value) -> Result<Value, String> {
    let fields = &description.root.fields;
    let mut args = match args {
        Value::Null => Value::Object(Map::new()),
        Value::Array(list) if list.len() > fields.len() => {
            let (most, found) = (fields.len(), list.len());
            return Err(format!(
                "expected at most {most} arguments, as many as {} has fields, found {found}",
                description.root.type_name
            ));
        }
        Value::Array(list) => {
            let named = fields.iter().map(|field| field.name.clone()).zip(list);
            Value::Object(named.collect())
        }
        other => other,
    };
    prepare(description, &mut args);
    Ok(args)
}

/// The header that a message begins with.
fn header_of(message: &Message) -> Option<&Field> {
    let first = message.fields.first()?;
    let is_header = matches!(&first.field_type.element, Element::Message(name) if name.to_string() == HEADER);
    (is_header && first.field_type.count == Count::One).then_some(first)
}

fn prepare_message(description: &TypeDescription, message: &Message, value: &mut Value) {
    let Value::Object(members) = value else { return };
    let type_name = message.type_name.to_string();
    if TIMES.contains(&type_name.as_str()) {
        rename(members, "secs", "sec");
        rename(members, "nsecs", "nanosec");
        return;
    }
    for field in &message.fields {
        let Element::Message(inner) = &field.field_type.element else {
            continue;
        };
        let (Some(value), Some(inner)) = (members.get_mut(&field.name), description.find(inner)) else {
            continue;
        };
        match (field.field_type.count, value) {
            (Count::One, value) => prepare_message(description, inner, value),
            (_, Value::Array(list)) => list
                .iter_mut()
                .for_each(|value| prepare_message(description, inner, value)),
            // What is no list is the codec's to refuse.
            _ => {}
        }
    }
    if type_name == HEADER && members.get("stamp").is_none_or(is_zero) {
        members.insert("stamp".to_owned(), Value::from("now"));
    }
}

fn rename(members: &mut Map<String, Value>, from: &str, to: &str) {
    if !members.contains_key(to)
        && let Some(value) = members.remove(from)
    {
        members.insert(to.to_owned(), value);
    }
}

fn is_zero(stamp: &Value) -> bool {
    let is_zero = |name| stamp.get(name).is_none_or(|value| value.as_f64() == Some(0.0));
    match stamp {
        Value::Null => true,
        Value::Object(_) => is_zero("sec") && is_zero("nanosec"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use serde_json::json;

    use super::*;
    use crate::TypeLibrary;

    fn prepared(type_name: &str, mut message: Value) -> Value {
        let library = TypeLibrary::open(&[]).unwrap();
        let ty = library.message(type_name).unwrap();
        prepare(ty.codec().description(), &mut message);
        message
    }

    #[test]
    fn a_header_without_a_stamp_is_stamped_now() {
        let now = json!({"header": {"frame_id": "map", "stamp": "now"}});
        for stamp in [
            json!({"sec": 0, "nanosec": 0}),
            json!({"secs": 0, "nsecs": 0}),
            json!({}),
            json!(null),
        ] {
            let message = json!({"header": {"frame_id": "map", "stamp": stamp}});
            assert_eq!(prepared("sensor_msgs/msg/Imu", message), now);
        }
        assert_eq!(
            prepared("sensor_msgs/msg/Imu", json!({"header": {"frame_id": "map"}})),
            now
        );
        assert_eq!(prepared("sensor_msgs/msg/Imu", json!({})), json!({"header": "now"}));
        let stamped = json!({"header": {"stamp": {"sec": 7}}});
        assert_eq!(prepared("sensor_msgs/msg/Imu", stamped.clone()), stamped);
    }

    #[test]
    fn times_of_ros_1_are_understood_wherever_they_are() {
        let path = json!({"header": {"stamp": {"secs": 1, "nsecs": 2}}, "poses": [{"header": {"stamp": {"secs": 3}}}]});
        let expected =
            json!({"header": {"stamp": {"sec": 1, "nanosec": 2}}, "poses": [{"header": {"stamp": {"sec": 3}}}]});
        assert_eq!(prepared("nav_msgs/msg/Path", path), expected);
    }

    #[test]
    fn arguments_may_be_a_list() {
        let library = TypeLibrary::open(&[]).unwrap();
        let ty = library.service("example_interfaces/srv/AddTwoInts").unwrap();
        let description = ty.request().codec().description();
        assert_eq!(arguments(description, json!([1, 2])), Ok(json!({"a": 1, "b": 2})));
        assert_eq!(arguments(description, json!([1])), Ok(json!({"a": 1})));
        assert_eq!(arguments(description, Value::Null), Ok(json!({})));
        assert!(
            arguments(description, json!([1, 2, 3]))
                .unwrap_err()
                .contains("at most 2")
        );
    }

    #[test]
    fn what_is_of_another_kind_is_left_for_the_codec_to_refuse() {
        for message in [
            json!({"header": 5}),
            json!([1]),
            json!("x"),
            json!({"poses": {"a": 1}, "header": "now"}),
        ] {
            assert_eq!(prepared("nav_msgs/msg/Path", message.clone()), message);
        }
    }
}
