//! The words `now` and `auto`, which stand for the time of publication in JSON and YAML.

use nuncio_codegen::model::{Count, Primitive};

use super::shape::{ElementShape, FieldShape, MessageShape};

/// Which message the words may stand for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ClockWord {
    /// `builtin_interfaces/Time`: the time.
    Time,
    /// `std_msgs/Header`: the time as its stamp, all else by default.
    Header,
}

impl ClockWord {
    /// Looks at the fields as well as at the name: a description may call anything a time.
    pub(super) fn of(message: &MessageShape) -> Option<Self> {
        match (message.type_name.as_str(), message.fields.as_slice()) {
            ("builtin_interfaces/msg/Time", [sec, nanosec]) => {
                let fits = is(sec, "sec", Primitive::Int32) && is(nanosec, "nanosec", Primitive::Uint32);
                fits.then_some(Self::Time)
            }
            ("std_msgs/msg/Header", [stamp, ..]) => {
                let ElementShape::Message(time) = &stamp.element else {
                    return None;
                };
                let fits = stamp.count == Count::One && stamp.name == "stamp" && time.clock_word == Some(Self::Time);
                fits.then_some(Self::Header)
            }
            _ => None,
        }
    }

    /// Whether a text is one of the words.
    pub(super) fn is_meant_by(text: &str) -> bool {
        text == "now" || text == "auto"
    }
}

fn is(field: &FieldShape, name: &str, primitive: Primitive) -> bool {
    field.name == name
        && field.count == Count::One
        && matches!(field.element, ElementShape::Primitive(found) if found == primitive)
}

/// A time as whole seconds and the nanoseconds after them; `None` when a `Time` cannot hold it.
pub(super) fn split(now_ns: i64) -> Option<(i32, u32)> {
    let sec = i32::try_from(now_ns.div_euclid(1_000_000_000)).ok()?;
    let nanosec = u32::try_from(now_ns.rem_euclid(1_000_000_000)).ok()?;
    Some((sec, nanosec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_count_forward_before_1970_too() {
        assert_eq!(split(1_500_000_000), Some((1, 500_000_000)));
        assert_eq!(split(-1), Some((-1, 999_999_999)));
        assert_eq!(split(i64::MAX), None);
    }
}
