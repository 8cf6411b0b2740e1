//! Reads the stamp of a message that begins with a header, and nothing behind it.

use nuncio_codegen::model::Count;

use super::reader::Reader;
use super::shape::{ElementShape, MessageShape};

/// The stamp in ns since 1970, if the message begins with a `std_msgs/Header`.
pub(super) fn read(root: &MessageShape, payload: &[u8]) -> Option<i64> {
    let header = first(root, "header", "std_msgs/msg/Header")?;
    first(header, "stamp", "builtin_interfaces/msg/Time")?;
    let mut reader = Reader::new(payload);
    let (sec, nanosec) = (reader.zigzag(32).ok()?, reader.varint(32).ok()?);
    Some(sec * 1_000_000_000 + i64::try_from(nanosec).ok()?)
}

/// The message's first field, if it has this name and is one message of this type.
fn first<'a>(message: &'a MessageShape, name: &str, type_name: &str) -> Option<&'a MessageShape> {
    let field = message.fields.first()?;
    match &field.element {
        ElementShape::Message(found) if field.name == name && found.type_name == type_name => {
            matches!(field.count, Count::One).then_some(found)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use nuncio_msgs::Message;
    use nuncio_msgs::builtin_interfaces::msg::Time;
    use nuncio_msgs::geometry_msgs::msg::{Twist, TwistStamped};
    use nuncio_msgs::sensor_msgs::msg::Image;

    use crate::payload;
    use crate::run_time_type::RunTimeType;
    use crate::type_support::{self, TypeSupport};

    fn codec<M: Message>() -> RunTimeType {
        let definition = type_support::definition_of::<M>();
        let sources = definition.sources.iter();
        let sources: Vec<_> = sources.map(|s| (s.type_name.as_str(), s.text.as_str())).collect();
        let support = TypeSupport::compile(M::TYPE_NAME, &sources).unwrap();
        support.run_time_type().unwrap()
    }

    #[test]
    fn the_stamp_of_a_header_is_read_and_nothing_behind_it() {
        let mut image = Image::default();
        for (sec, nanosec, expected) in [
            (0, 0, 0),
            (1_700_000_000, 999_999_999, 1_700_000_000_999_999_999),
            (-1, 500_000_000, -500_000_000),
            (
                i32::MAX,
                u32::MAX,
                i64::from(i32::MAX) * 1_000_000_000 + i64::from(u32::MAX),
            ),
        ] {
            image.header.stamp = Time { sec, nanosec };
            let mut bytes = Vec::new();
            payload::encode(&image, 0, &mut bytes).unwrap();
            bytes.truncate(11);
            assert_eq!(codec::<Image>().header_stamp_ns(&bytes), Some(expected));
        }
        assert_eq!(
            codec::<TwistStamped>().header_stamp_ns(&[0x80]),
            None,
            "it ends too early"
        );
        assert_eq!(codec::<Twist>().header_stamp_ns(&[0; 48]), None, "it has no header");
    }
}
