//! The schema's bounds and annotations, checked against a payload's values as generated types check themselves.

use std::fmt::Display;

use nuncio_codegen::model::{Count, Scalar, TextKind};

use super::decode::{Refusal, Sink, Violation, WireValue};
use super::shape::{ElementShape, FieldShape};

/// Refuses the first value that violates a limit.
#[derive(Debug)]
pub(super) struct LimitCheck {
    /// Only walk, to see whether the payload is of its type.
    pub(super) ignored: bool,
}

impl Sink for LimitCheck {
    // There is nothing in them to check.
    const SEES_EMPTY_MESSAGES: bool = false;

    fn open_message(&mut self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }

    fn field(&mut self, _: usize, _: &FieldShape) -> Result<(), Refusal> {
        Ok(())
    }

    fn close_message(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn open_list(&mut self, field: &FieldShape, len: usize) -> Result<(), Refusal> {
        match field.count {
            Count::Sequence { bound: Some(bound) } if len > bound as usize && !self.ignored => violation(
                format_args!("{len} elements long"),
                format_args!("at most {bound} elements"),
            ),
            _ => Ok(()),
        }
    }

    fn element(&mut self, _: usize) -> Result<(), Refusal> {
        Ok(())
    }

    fn close_list(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn value(&mut self, field: &FieldShape, value: WireValue<'_>) -> Result<(), Refusal> {
        if self.ignored {
            return Ok(());
        }
        match value {
            WireValue::Bool(_) => Ok(()),
            WireValue::Unsigned(value) => integer(field, value.into()),
            WireValue::Signed(value) => integer(field, value.into()),
            WireValue::Float32(value) => float(field, value.into(), value),
            WireValue::Float64(value) => float(field, value, value),
            WireValue::Text(value) => text(field, value),
        }
    }

    fn octets(&mut self, field: &FieldShape, octets: &[u8]) -> Result<(), Refusal> {
        if self.ignored || (field.range.is_none() && field.allowed.is_none()) {
            return Ok(());
        }
        for (index, octet) in octets.iter().enumerate() {
            integer(field, (*octet).into()).map_err(|refusal| match refusal {
                Refusal::Limit(mut violation) => {
                    violation.element = Some(index);
                    Refusal::Limit(violation)
                }
                Refusal::TooLong | Refusal::FormTooLong { .. } => Refusal::TooLong,
            })?;
        }
        Ok(())
    }
}

fn integer(field: &FieldShape, value: i128) -> Result<(), Refusal> {
    if let (Some((low, high)), ElementShape::Primitive(primitive)) = (field.range, &field.element) {
        let (least, greatest) = primitive.integer_range().unwrap_or((i128::MIN, i128::MAX));
        let (low, high) = ((low.ceil() as i128).max(least), (high.floor() as i128).min(greatest));
        if !(low..=high).contains(&value) {
            return violation(value, format_args!("{low} to {high}"));
        }
    }
    let is = |allowed: &Scalar| matches!(allowed, Scalar::Integer(allowed) if *allowed == value);
    one_of(field, value, is)
}

/// `shown` is the value with the digits of its own type.
fn float<T: Display>(field: &FieldShape, value: f64, shown: T) -> Result<(), Refusal> {
    use nuncio_codegen::model::Primitive::Float32;

    if let Some((low, high)) = field.range {
        let single = matches!(field.element, ElementShape::Primitive(Float32));
        let end = |end: f64| if single { f64::from(end as f32) } else { end };
        if !(end(low)..=end(high)).contains(&value) {
            return violation(shown, format_args!("{low} to {high}"));
        }
    }
    if field.finite && !value.is_finite() {
        return violation(shown, "a finite number");
    }
    Ok(())
}

fn text(field: &FieldShape, value: &str) -> Result<(), Refusal> {
    if let ElementShape::Text {
        kind,
        bound: Some(bound),
    } = &field.element
    {
        let (len, unit) = match kind {
            TextKind::String => (value.len(), "bytes"),
            // No character has more UTF-16 units than bytes of UTF-8.
            TextKind::Wstring if value.len() <= *bound as usize => (0, ""),
            TextKind::Wstring => (value.encode_utf16().count(), "UTF-16 units"),
        };
        if len > *bound as usize {
            return violation(
                format_args!("{len} {unit} long"),
                format_args!("at most {bound} {unit}"),
            );
        }
    }
    let is = |allowed: &Scalar| matches!(allowed, Scalar::Text(allowed) if allowed == value);
    one_of(field, value, is)
}

fn one_of(field: &FieldShape, value: impl Display, is: impl Fn(&Scalar) -> bool) -> Result<(), Refusal> {
    let Some(allowed) = &field.allowed else {
        return Ok(());
    };
    if allowed.iter().any(|(_, constant)| is(constant)) {
        return Ok(());
    }
    let names = allowed.iter().map(|(name, constant)| match constant {
        Scalar::Bool(value) => format!("{name} ({value})"),
        Scalar::Integer(value) => format!("{name} ({value})"),
        Scalar::Float(value) => format!("{name} ({value})"),
        Scalar::Text(value) => format!("{name} ({value})"),
    });
    violation(value, names.collect::<Vec<_>>().join(", "))
}

#[cold]
fn violation(found: impl Display, allowed: impl Display) -> Result<(), Refusal> {
    Err(Refusal::Limit(Box::new(Violation {
        element: None,
        found: found.to_string(),
        allowed: allowed.to_string(),
    })))
}
