//! The operations that clients are sent, as JSON text or CBOR. Pure.

use nuncio::MessageInfo;
use serde_json::{Value, json};

use super::op::Level;

/// Tells a client how something went.
pub(super) fn status(level: Level, text: &str, id: Option<&Value>) -> String {
    let mut status = json!({"op": "status", "level": level.as_str(), "msg": text});
    if let (Some(id), Value::Object(members)) = (id, &mut status) {
        members.insert("id".to_owned(), id.clone());
    }
    status.to_string()
}

/// A message of a topic; `msg` and `signed_by` are JSON.
pub(super) fn publish(topic: &str, msg: &str, signed_by: Option<&str>) -> String {
    let topic = Value::from(topic);
    match signed_by {
        None => format!(r#"{{"op":"publish","topic":{topic},"msg":{msg}}}"#),
        Some(signed_by) => format!(r#"{{"op":"publish","topic":{topic},"msg":{msg},"signed_by":{signed_by}}}"#),
    }
}

/// A message of a topic as CBOR; `write_msg` appends the message itself.
pub(super) fn publish_cbor<E>(
    topic: &str,
    signed_by: Option<&Value>,
    write_msg: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Vec<u8>, E> {
    /// A map of this many members, fewer than 24.
    const MAP: u8 = 5 << 5;
    let mut bytes = vec![MAP + if signed_by.is_some() { 4 } else { 3 }];
    push_cbor(&mut bytes, &"op");
    push_cbor(&mut bytes, &"publish");
    push_cbor(&mut bytes, &"topic");
    push_cbor(&mut bytes, &topic);
    if let Some(signed_by) = signed_by {
        push_cbor(&mut bytes, &"signed_by");
        push_cbor(&mut bytes, signed_by);
    }
    push_cbor(&mut bytes, &"msg");
    write_msg(&mut bytes)?;
    Ok(bytes)
}

/// The message of the compression `cbor-raw`: CDR, and when it was received.
pub(super) fn push_raw(bytes: &mut Vec<u8>, cdr: &[u8], received_ns: i64) {
    /// A map of three members.
    const MAP_OF_3: u8 = 5 << 5 | 3;
    /// A string of bytes, its length in the four bytes that follow; no CDR is longer.
    const BYTES: u8 = 2 << 5 | 26;
    bytes.push(MAP_OF_3);
    push_cbor(bytes, &"secs");
    push_cbor(bytes, &received_ns.div_euclid(1_000_000_000));
    push_cbor(bytes, &"nsecs");
    push_cbor(bytes, &received_ns.rem_euclid(1_000_000_000));
    push_cbor(bytes, &"bytes");
    bytes.push(BYTES);
    bytes.extend((cdr.len() as u32).to_be_bytes());
    bytes.extend_from_slice(cdr);
}

fn push_cbor(bytes: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Memory takes whatever is written.
    let _ = ciborium::into_writer(value, bytes);
}

/// Who signed a message, and what the trust policy says of that key.
pub(super) fn signed_by(info: &MessageInfo) -> Value {
    let mut signed_by = json!({
        "key": info.signer.to_string(),
        "node": info.node.as_str(),
        "verdict": info.verdict.as_str(),
    });
    if let (Some(origin), Value::Object(members)) = (&info.origin, &mut signed_by) {
        members.insert("on_behalf_of".to_owned(), Value::from(origin.as_str()));
    }
    signed_by
}

/// The answer to a call; `values` is JSON, a text where the call has failed.
pub(super) fn service_response(service: &str, id: Option<&Value>, values: &str, is_success: bool) -> String {
    let service = Value::from(service);
    let id = id.map(|id| format!(r#""id":{id},"#)).unwrap_or_default();
    format!(r#"{{"op":"service_response",{id}"service":{service},"values":{values},"result":{is_success}}}"#)
}

/// A call of a service that the client serves; `args` is JSON.
pub(super) fn call_service(service: &str, id: &str, args: &str) -> String {
    let (service, id) = (Value::from(service), Value::from(id));
    format!(r#"{{"op":"call_service","id":{id},"service":{service},"args":{args}}}"#)
}

/// A goal for an action that the client serves; `args` is JSON.
pub(super) fn send_action_goal(action: &str, type_name: &str, id: &str, args: &str) -> String {
    let (action, type_name, id) = (Value::from(action), Value::from(type_name), Value::from(id));
    format!(
        r#"{{"op":"send_action_goal","id":{id},"action":{action},"action_type":{type_name},"args":{args},"feedback":true}}"#
    )
}

/// A goal of an action that the client serves is to be given up.
pub(super) fn cancel_action_goal(action: &str, id: &str) -> String {
    json!({"op": "cancel_action_goal", "id": id, "action": action}).to_string()
}

/// How far a client's goal has come; `values` is JSON.
pub(super) fn action_feedback(action: &str, id: Option<&Value>, values: &str) -> String {
    let action = Value::from(action);
    let id = id.unwrap_or(&Value::Null);
    format!(r#"{{"op":"action_feedback","id":{id},"action":{action},"values":{values}}}"#)
}

/// What came of a client's goal; `values` is JSON, a text where it was not pursued.
pub(super) fn action_result(action: &str, id: Option<&Value>, values: &str, status: i8, is_success: bool) -> String {
    let action = Value::from(action);
    let id = id.unwrap_or(&Value::Null);
    format!(
        r#"{{"op":"action_result","id":{id},"action":{action},"values":{values},"status":{status},"result":{is_success}}}"#
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn names_are_written_as_json_whatever_they_hold() {
        let odd = "/a\"b\n";
        assert_eq!(read(&publish(odd, "{}", Some("1")))["topic"], odd);
        assert_eq!(read(&service_response(odd, Some(&json!(7)), "true", true))["id"], 7);
        assert_eq!(read(&call_service(odd, odd, "{}"))["service"], odd);
        assert_eq!(read(&send_action_goal(odd, odd, odd, "{}"))["action_type"], odd);
        assert_eq!(read(&action_result(odd, None, "{}", 4, true))["status"], 4);
        assert_eq!(read(&action_feedback(odd, Some(&json!("g")), "{}"))["id"], "g");
    }

    #[test]
    fn cbor_is_a_map_that_other_readers_read() {
        let written = publish_cbor("/t", Some(&json!({"key": "k"})), |bytes| {
            push_raw(bytes, &[0, 1, 0, 0, 9], -1);
            Ok::<(), ()>(())
        });
        let read: ciborium::Value = ciborium::from_reader(written.unwrap().as_slice()).unwrap();
        let members = read.as_map().unwrap();
        assert_eq!(members.len(), 4);
        let msg = members.iter().find(|(name, _)| name.as_text() == Some("msg")).unwrap();
        let msg = msg.1.as_map().unwrap();
        assert_eq!(msg[0].1.as_integer(), Some((-1).into()));
        assert_eq!(msg[1].1.as_integer(), Some(999_999_999.into()));
        assert_eq!(msg[2].1.as_bytes().unwrap(), &[0, 1, 0, 0, 9]);
    }
}
