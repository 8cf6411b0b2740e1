//! The texts of the protocol: what a page says, and what it is told. Pure.

use nuncio::{Asked, GuestQuestion, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::border_error::BorderError;

/// The longest text that is read, in bytes.
const TEXT_LEN_MAX: usize = 64 * 1024;

/// What a page says.
#[derive(Debug, Deserialize, Eq, PartialEq)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Op {
    /// Who comes.
    Hello {
        node: String,
        key: String,
        epoch: String,
        token: Option<String>,
    },
    /// Asks for a type.
    Type {
        id: u64,
        name: String,
        topic: Option<String>,
    },
}

impl Op {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.len() > TEXT_LEN_MAX {
            return Err(format!(
                "a text has at most {TEXT_LEN_MAX} bytes, this one has {}",
                text.len()
            ));
        }
        serde_json::from_str(text).map_err(|error| format!("expected an object with `op`: hello or type: {error}"))
    }
}

/// What a binary message of a page holds.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Brought<'a> {
    /// The answer to a question.
    Answer(u32, &'a [u8]),
    /// A card to show.
    Card(&'a [u8]),
    /// Messages, or whatever else calls itself a frame.
    Frame(&'a [u8]),
}

impl<'a> Brought<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, &'static str> {
        /// The kind of a card, at byte 5 of its frame.
        const CARD: Option<&u8> = Some(&3);
        let Some((id, frame)) = bytes.split_first_chunk::<4>() else {
            return Err("a binary message begins with a number of four bytes");
        };
        Ok(match u32::from_le_bytes(*id) {
            0 if frame.get(5) == CARD => Self::Card(frame),
            0 => Self::Frame(frame),
            id => Self::Answer(id, frame),
        })
    }
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum About {
    /// A text with this id.
    Text(Option<u64>),
    /// The answer to this question.
    Answer(u32),
    /// A card.
    Card,
    /// The frame of this writer that ends with this number, by its own word.
    Frame(u64, u64),
}

impl About {
    /// What a frame that was handed over calls itself: writer, and number of its last message.
    pub(super) fn frame(frame: &[u8]) -> Self {
        let number = |at: usize| frame.get(at..).and_then(<[u8]>::first_chunk::<8>).copied();
        let count = frame.get(6..).and_then(<[u8]>::first_chunk::<2>).copied();
        let last = u64::from_le_bytes(number(56).unwrap_or_default())
            .wrapping_add(u64::from(u16::from_le_bytes(count.unwrap_or_default())))
            .wrapping_sub(1);
        Self::Frame(u64::from_le_bytes(number(40).unwrap_or_default()), last)
    }
}

/// Why something was not taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Problem {
    pub(super) reason: &'static str,
    pub(super) text: String,
}

impl From<BorderError> for Problem {
    fn from(error: BorderError) -> Self {
        Self {
            reason: error.as_str(),
            text: error.to_string(),
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        Self {
            reason: refusal.reason.as_str(),
            text: format!("{refusal}; {}", refusal.reason.remedy()),
        }
    }
}

pub(super) fn refused(about: About, problem: &Problem) -> String {
    let about = match about {
        About::Text(Some(id)) => json!({"id": id}),
        About::Text(None) => json!({}),
        About::Answer(id) => json!({"question": id}),
        About::Card => json!({"card": true}),
        About::Frame(writer, number) => json!({"writer": hex(&writer.to_be_bytes()), "number": number.to_string()}),
    };
    both(
        json!({"op": "refused", "reason": problem.reason, "text": problem.text}),
        about,
    )
}

pub(super) fn question(question: &GuestQuestion) -> String {
    let about = match question.asked {
        Asked::Card => json!({"about": "card"}),
        Asked::Type(hash) => json!({"about": "type", "hash": hash.to_string()}),
    };
    let nonce = hex(&question.nonce);
    both(json!({"op": "question", "id": question.id, "nonce": nonce}), about)
}

/// The text of an object with the fields of two.
fn both(first: Value, second: Value) -> String {
    let fields = [first, second].into_iter().filter_map(|object| match object {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect()).to_string()
}

pub(super) fn passed(writer: u64, number: u64) -> String {
    json!({"op": "passed", "writer": hex(&writer.to_be_bytes()), "number": number.to_string()}).to_string()
}

pub(super) fn said(object: &Value) -> String {
    object.to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn what_a_page_says_is_read_and_anything_else_is_named() {
        let hello = Op::read(r#"{"op":"hello","node":"/a","key":"did:key:z6Mk","epoch":"12"}"#).unwrap();
        assert!(matches!(hello, Op::Hello { token: None, .. }));
        for bad in [
            "",
            "[]",
            r#"{"op":"dance"}"#,
            r#"{"op":"hello"}"#,
            r#"{"op":"type","id":-1}"#,
        ] {
            assert!(Op::read(bad).unwrap_err().contains("hello or type"), "{bad}");
        }
        assert!(Op::read(&" ".repeat(TEXT_LEN_MAX + 1)).unwrap_err().contains("at most"));
    }

    #[test]
    fn a_binary_message_is_an_answer_a_card_or_a_frame() {
        assert!(Brought::read(&[1, 2, 3]).is_err());
        assert_eq!(Brought::read(&[1, 0, 0, 0]).unwrap(), Brought::Answer(1, &[]));
        assert_eq!(Brought::read(&[0; 4]).unwrap(), Brought::Frame(&[]));
        let card = [0, 0, 0, 0, 0x4e, 0x75, 1, 1, 0, 3];
        assert!(matches!(Brought::read(&card).unwrap(), Brought::Card(_)));
    }

    #[test]
    fn a_refused_frame_is_named_however_short_it_is() {
        assert_eq!(About::frame(&[]), About::Frame(0, u64::MAX));
        let mut frame = [0; 150];
        frame[6] = 2;
        frame[40] = 9;
        frame[56] = 5;
        assert_eq!(About::frame(&frame), About::Frame(9, 6));
    }
}
