//! The publish operations of one message, written once for all clients that want the same.

use std::fmt;
use std::sync::OnceLock;

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes};

use super::outbox::in_png;
use super::server_op;
use super::terms::{Compression, Terms};
use crate::out_message::OutMessage;

/// What was written of one message so far.
#[derive(Debug, Default)]
pub(crate) struct WrittenOps {
    json: OnceLock<Written<Utf8Bytes>>,
    png: OnceLock<Written<Utf8Bytes>>,
    cbor: OnceLock<Written<Bytes>>,
    cbor_raw: OnceLock<Written<Bytes>>,
}

/// One form, under the name that the first client knows the topic by.
#[derive(Debug)]
struct Written<T> {
    topic: String,
    op: Result<T, String>,
}

/// The message as these terms have it.
pub(super) fn written(message: &OutMessage, topic: &str, terms: &Terms) -> Result<Message, String> {
    let ops = &message.rosbridge;
    let signed_by = terms.signed_by;
    match terms.compression {
        Compression::None => shared(&ops.json, topic, signed_by, || json(message, topic, signed_by)).map(Message::Text),
        Compression::Png => shared(&ops.png, topic, signed_by, || {
            in_png(&json(message, topic, signed_by)?).map(Utf8Bytes::from)
        })
        .map(Message::Text),
        Compression::Cbor => {
            shared(&ops.cbor, topic, signed_by, || cbor(message, topic, signed_by)).map(Message::Binary)
        }
        Compression::CborRaw => {
            shared(&ops.cbor_raw, topic, signed_by, || cbor_raw(message, topic, signed_by)).map(Message::Binary)
        }
    }
}

/// What was written before, or is written now. What only some clients want is written for each.
fn shared<T: Clone>(
    kept: &OnceLock<Written<T>>,
    topic: &str,
    signed_by: bool,
    write: impl Fn() -> Result<T, String>,
) -> Result<T, String> {
    if signed_by {
        return write();
    }
    let first = kept.get_or_init(|| Written {
        topic: topic.to_owned(),
        op: write(),
    });
    match first.topic == topic {
        true => first.op.clone(),
        false => write(),
    }
}

fn json(message: &OutMessage, topic: &str, signed_by: bool) -> Result<Utf8Bytes, String> {
    let mut msg = String::with_capacity(message.payload().len() * 2 + 64);
    let written = message.ty().codec().write_web_json(message.payload(), &mut msg);
    written.map_err(|error| unwritten(message, &error))?;
    let signed_by = signed_by.then(|| server_op::signed_by(message.info()).to_string());
    Ok(server_op::publish(topic, &msg, signed_by.as_deref()).into())
}

fn cbor(message: &OutMessage, topic: &str, signed_by: bool) -> Result<Bytes, String> {
    let signed_by = signed_by.then(|| server_op::signed_by(message.info()));
    let codec = message.ty().codec();
    let written = server_op::publish_cbor(topic, signed_by.as_ref(), |bytes| {
        bytes.reserve(message.payload().len() + 64);
        codec.write_cbor(message.payload(), bytes)
    });
    written.map(Bytes::from).map_err(|error| unwritten(message, &error))
}

fn cbor_raw(message: &OutMessage, topic: &str, signed_by: bool) -> Result<Bytes, String> {
    let signed_by = signed_by.then(|| server_op::signed_by(message.info()));
    let cdr = message.cdr().map_err(|error| unwritten(message, error))?;
    let written = server_op::publish_cbor(topic, signed_by.as_ref(), |bytes| {
        bytes.reserve(cdr.len() + 64);
        server_op::push_raw(bytes, cdr, message.info().received_time_ns);
        Ok::<(), String>(())
    });
    written.map(Bytes::from)
}

fn unwritten(message: &OutMessage, error: &dyn fmt::Display) -> String {
    format!("a message of {} cannot be passed on: {error}", message.info().topic)
}
