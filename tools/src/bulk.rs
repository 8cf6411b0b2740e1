//! Long runs of bytes, such as images and clouds of points, in a few words: what they are, and how large. No I/O.

use nuncio::run_time_type::RunTimeType;
use nuncio_codegen::model::{Count, Element, Field, Message, Primitive, TypeDescription};
use serde_json::Value;

use crate::render::{bytes, grouped};

/// The longest name of a format that is repeated.
const FORMAT_MAX: usize = 32;

/// Puts a few words in the place of each list of bytes that is longer than `most`, in the value of the field at `path`, or in a
/// whole message.
pub(crate) fn fold_bytes(codec: &RunTimeType, path: Option<&str>, value: &mut Value, most: usize) {
    let description = codec.description();
    match path.map(|path| codec.field(path)) {
        None => fold_message(description, &description.root, value, most),
        Some(Some(field)) => fold_field(description, field, value, most, &|len| bytes(len as f64)),
        Some(None) => {}
    }
}

fn fold_message(description: &TypeDescription, message: &Message, value: &mut Value, most: usize) {
    for field in &message.fields {
        let kind = kind(message, field, value);
        if let Some(inner) = value.get_mut(&field.name) {
            fold_field(description, field, inner, most, &|len| {
                [kind.as_str(), &bytes(len as f64)]
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(", ")
            });
        }
    }
}

fn fold_field(
    description: &TypeDescription,
    field: &Field,
    value: &mut Value,
    most: usize,
    words: &dyn Fn(usize) -> String,
) {
    let is_list = field.field_type.count != Count::One;
    match (&field.field_type.element, value) {
        (Element::Primitive(Primitive::Byte | Primitive::Char | Primitive::Uint8 | Primitive::Int8), value)
            if is_list =>
        {
            if let Some(len) = value.as_array().map(Vec::len).filter(|len| *len > most) {
                *value = format!("<{}>", words(len)).into();
            }
        }
        (Element::Message(name), value) => {
            let Some(message) = description.find(name) else { return };
            match value {
                Value::Array(items) => items
                    .iter_mut()
                    .for_each(|item| fold_message(description, message, item, most)),
                one => fold_message(description, message, one, most),
            }
        }
        _ => {}
    }
}

/// What the bytes of a message are, by the fields beside them; empty where that is not known.
fn kind(message: &Message, field: &Field, value: &Value) -> String {
    if field.name != "data" {
        return String::new();
    }
    let number = |name: &str| value.get(name).and_then(Value::as_u64).unwrap_or_default();
    let text = |name: &str| -> String {
        let text = value.get(name).and_then(Value::as_str).unwrap_or_default();
        text.chars().take(FORMAT_MAX).collect()
    };
    match message.type_name.to_string().as_str() {
        "sensor_msgs/msg/Image" => format!("{}×{} {}", number("width"), number("height"), text("encoding")),
        "sensor_msgs/msg/CompressedImage" => text("format"),
        "sensor_msgs/msg/PointCloud2" => {
            let points = number("width").saturating_mul(number("height"));
            let fields = value.get("fields").and_then(Value::as_array);
            let names = fields
                .into_iter()
                .flatten()
                .filter_map(|field| field.get("name")?.as_str());
            let names: Vec<&str> = names.take(8).collect();
            let names: String = names.join(" ").chars().take(FORMAT_MAX).collect();
            format!("{} points of {names}", grouped(points as f64))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use serde_json::json;

    fn folded(type_name: &str, message: Value) -> Value {
        let catalog = Catalog::shipped();
        let support = catalog.support(catalog.find(type_name).unwrap()).unwrap();
        let (codec, mut message) = (support.run_time_type().unwrap(), message);
        fold_bytes(&codec, None, &mut message, 128);
        message
    }

    #[test]
    fn images_and_clouds_are_told_by_their_size_and_format() {
        let image = json!({"height": 10, "width": 20, "encoding": "rgb8", "data": vec![7; 600]});
        assert_eq!(folded("sensor_msgs/msg/Image", image)["data"], "<20×10 rgb8, 600 B>");
        let jpeg = json!({"format": "jpeg", "data": vec![7; 2048]});
        assert_eq!(
            folded("sensor_msgs/msg/CompressedImage", jpeg)["data"],
            "<jpeg, 2.00 KiB>"
        );
        let cloud = json!({"height": 1, "width": 5000, "fields": [{"name": "x"}, {"name": "y"}], "data": vec![0; 129]});
        assert_eq!(
            folded("sensor_msgs/msg/PointCloud2", cloud)["data"],
            "<5,000 points of x y, 129 B>"
        );
    }

    #[test]
    fn other_bytes_are_told_by_their_size_and_short_ones_stay() {
        let array = |len: usize| json!({"data": vec![1; len]});
        assert_eq!(folded("std_msgs/msg/UInt8MultiArray", array(200))["data"], "<200 B>");
        assert_eq!(folded("std_msgs/msg/UInt8MultiArray", array(128)), array(128));
        assert_eq!(folded("std_msgs/msg/Float64MultiArray", array(200)), array(200));
    }

    #[test]
    fn hostile_sizes_and_formats_are_only_words() {
        let image = json!({"height": u32::MAX, "width": u32::MAX, "encoding": "x".repeat(500), "data": vec![7; 600]});
        let text = folded("sensor_msgs/msg/Image", image)["data"].to_string();
        assert!(text.len() < 100 && text.contains("4294967295×4294967295"), "{text}");
    }
}
