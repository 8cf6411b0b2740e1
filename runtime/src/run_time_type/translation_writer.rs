//! Writes a payload of theirs as one of ours, by the plan of a [`Translation`](super::Translation): a [`Sink`].
//!
//! # Invariants
//!
//! - Fields that ours does not have are walked, and nothing of them is written.
//! - Messages that have bytes are paid for by the payload, each byte at most once per level of nesting; of all others no
//!   more than [`MAX_EMPTY_ELEMENTS`] are opened.

use std::sync::Arc;

use nuncio_codegen::model::Primitive;

use super::decode::{MAX_EMPTY_ELEMENTS, Refusal, Sink, WireValue};
use super::defaults::push_text;
use super::reader::{push_varint, push_zigzag};
use super::shape::{ElementShape, FieldShape, MAX_DEPTH};
use super::translation::MessagePlan;

/// Writes each value of theirs where ours has it.
#[derive(Debug)]
pub(super) struct TranslationWriter<'p, 'o> {
    out: &'o mut Vec<u8>,
    /// How long `out` may become.
    end: usize,
    /// How many messages may still be opened: those that have bytes are paid for by the payload.
    messages_left: usize,
    /// The plan of the message that is opened next.
    next: &'p Arc<MessagePlan>,
    /// From the root to the message at hand.
    open: Vec<OpenMessage<'p>>,
    /// Whether the field at hand is one that ours does not have.
    passing_over: bool,
    /// How many messages inside such a field are open.
    passed_over_depth: usize,
}

#[derive(Debug)]
struct OpenMessage<'p> {
    plan: &'p Arc<MessagePlan>,
    /// The first field of ours that is not written yet, where the order is the same.
    next_field: usize,
    /// Where each field of ours begins that was written, in the order of theirs, where the order is another.
    begins: Vec<(usize, usize)>,
    /// Where the message begins.
    start: usize,
}

impl<'p, 'o> TranslationWriter<'p, 'o> {
    /// Appends to `out` at most `max_len` bytes for a payload of `payload_len`.
    pub(super) fn new(plan: &'p Arc<MessagePlan>, payload_len: usize, out: &'o mut Vec<u8>, max_len: usize) -> Self {
        Self {
            end: out.len().saturating_add(max_len),
            out,
            messages_left: payload_len.saturating_mul(MAX_DEPTH).saturating_add(MAX_EMPTY_ELEMENTS),
            next: plan,
            open: Vec::new(),
            passing_over: false,
            passed_over_depth: 0,
        }
    }

    fn room_for(&self, len: usize) -> Result<(), Refusal> {
        match self.out.len().saturating_add(len) > self.end {
            true => Err(Refusal::TooLong),
            false => Ok(()),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.room_for(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes the defaults of our fields from `from` to before `to`; theirs has none of them.
    fn defaults(&mut self, plan: &MessagePlan, from: usize, to: usize) -> Result<(), Refusal> {
        let missing = plan.defaults.get(from..to).unwrap_or_default();
        missing.iter().flatten().try_for_each(|default| self.bytes(default))
    }

    /// Puts the fields of the message, which are written in the order of theirs, into the order of ours.
    fn put_in_order(&mut self, message: &OpenMessage<'_>) -> Result<(), Refusal> {
        let written = self.out.split_off(message.start);
        let ends = message.begins.iter().skip(1).map(|(_, begin)| *begin);
        let ends = ends.chain([message.start + written.len()]);
        let mut places = vec![0..0; message.plan.defaults.len()];
        for ((field, begin), end) in message.begins.iter().zip(ends) {
            if let Some(place) = places.get_mut(*field) {
                *place = begin - message.start..end - message.start;
            }
        }
        for (place, default) in places.into_iter().zip(&message.plan.defaults) {
            match default {
                Some(default) => self.bytes(default)?,
                None => self.bytes(written.get(place).unwrap_or_default())?,
            }
        }
        Ok(())
    }
}

impl Sink for TranslationWriter<'_, '_> {
    // Ours may have fields where theirs has none.
    const SEES_EMPTY_MESSAGES: bool = true;
    const TAKES_PLAIN_LISTS: bool = true;

    fn open_message(&mut self, _: usize) -> Result<(), Refusal> {
        self.messages_left = self.messages_left.checked_sub(1).ok_or(Refusal::TooLong)?;
        if self.passing_over {
            self.passed_over_depth += 1;
            return Ok(());
        }
        self.open.push(OpenMessage {
            plan: self.next,
            next_field: 0,
            begins: Vec::new(),
            start: self.out.len(),
        });
        Ok(())
    }

    fn field(&mut self, index: usize, _: &FieldShape) -> Result<(), Refusal> {
        if self.passed_over_depth > 0 {
            return Ok(());
        }
        let Some(message) = self.open.last_mut() else {
            return Ok(());
        };
        let plan = message.plan;
        let field = plan.fields.get(index);
        let Some(becomes) = field.and_then(|field| field.becomes) else {
            self.passing_over = true;
            return Ok(());
        };
        self.passing_over = false;
        if let Some(nested) = field.and_then(|field| field.nested.as_ref()) {
            self.next = nested;
        }
        if plan.in_order {
            let from = std::mem::replace(&mut message.next_field, becomes + 1);
            self.defaults(plan, from, becomes)
        } else {
            message.begins.push((becomes, self.out.len()));
            Ok(())
        }
    }

    fn close_message(&mut self) -> Result<(), Refusal> {
        if self.passed_over_depth > 0 {
            self.passed_over_depth -= 1;
            return Ok(());
        }
        // The message at hand belongs to a field that is kept, whatever became of its own last field.
        self.passing_over = false;
        let Some(message) = self.open.pop() else {
            return Ok(());
        };
        // The next element of the same list is made by the same plan.
        self.next = message.plan;
        match message.plan.in_order {
            true => self.defaults(message.plan, message.next_field, message.plan.defaults.len()),
            false => self.put_in_order(&message),
        }
    }

    fn open_list(&mut self, field: &FieldShape, len: usize) -> Result<(), Refusal> {
        if self.passing_over || !field.is_sequence() {
            return Ok(());
        }
        push_varint(len as u64, self.out);
        self.room_for(0)
    }

    fn element(&mut self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }

    fn close_list(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn value(&mut self, field: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal> {
        if self.passing_over {
            return Ok(());
        }
        let is_byte = matches!(&field.element, ElementShape::Primitive(primitive) if primitive.is_octet() || *primitive == Primitive::Int8);
        match value {
            WireValue::Bool(value) => self.out.push(value.into()),
            WireValue::Unsigned(value) if is_byte => self.out.push(value as u8),
            WireValue::Signed(value) if is_byte => self.out.push(value as u8),
            WireValue::Unsigned(value) => push_varint(value, self.out),
            WireValue::Signed(value) => push_zigzag(value, self.out),
            WireValue::Float32(value) => self.out.extend(value.to_le_bytes()),
            WireValue::Float64(value) => self.out.extend(value.to_le_bytes()),
            WireValue::Text(text) => {
                self.room_for(text.len())?;
                push_text(text, self.out);
            }
        }
        self.room_for(0)
    }

    fn octets(&mut self, _: &FieldShape, octets: &[u8]) -> Result<(), Refusal> {
        match self.passing_over {
            true => Ok(()),
            false => self.bytes(octets),
        }
    }

    fn plain_list(&mut self, _: usize, bytes: &[u8]) -> Result<(), Refusal> {
        match self.passing_over {
            true => Ok(()),
            false => self.bytes(bytes),
        }
    }
}
