//! Parameters in Foxglove's words: one flat space of names, `/node.parameter`, and JSON values with hints of type. Pure.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nuncio::{ParameterType as NodeType, ParameterValue as NodeValue};

use super::wire::{Parameter, ParameterType, ParameterValue};

/// The name of a node's parameter, as Foxglove's bridge for ROS 2 writes it.
pub(super) fn full_name(node: &str, parameter: &str) -> String {
    format!("{node}.{parameter}")
}

/// The node and its parameter. Also the form `node:parameter` of other tools is known. Nodes have no dots in their names, so that
/// the first dot ends the node's.
pub(super) fn split_name(full: &str) -> Option<(String, &str)> {
    let (node, parameter) = full.split_once(':').or_else(|| full.split_once('.'))?;
    let node = match node.starts_with('/') {
        true => node.to_owned(),
        false => format!("/{node}"),
    };
    (node.len() > 1 && !parameter.is_empty()).then_some((node, parameter))
}

/// A value for the viewer; one that is not set has none.
pub(super) fn to_viewer(name: String, value: &NodeValue) -> Parameter {
    let list = |items: Vec<ParameterValue>| Parameter {
        name: name.clone(),
        r#type: None,
        value: Some(ParameterValue::Array(items)),
    };
    match value {
        NodeValue::NotSet => Parameter::empty(name),
        NodeValue::Bool(value) => Parameter::bool(name, *value),
        NodeValue::Integer(value) => Parameter::integer(name, *value),
        NodeValue::Double(value) => Parameter::float64(name, *value),
        NodeValue::String(value) => Parameter::string(name, value),
        NodeValue::ByteArray(bytes) => Parameter::byte_array(name, bytes),
        NodeValue::BoolArray(values) => list(values.iter().map(|value| ParameterValue::Bool(*value)).collect()),
        NodeValue::IntegerArray(values) => Parameter::integer_array(name, values.iter().copied()),
        NodeValue::DoubleArray(values) => Parameter::float64_array(name, values.iter().copied()),
        NodeValue::StringArray(values) => list(values.iter().cloned().map(ParameterValue::String).collect()),
    }
}

/// A value that a viewer gives, as the type that the parameter has: JSON in a browser cannot tell `1.0` from `1`, nor what an empty
/// list is of.
pub(super) fn from_viewer(parameter: &Parameter, has: NodeType) -> Result<NodeValue, String> {
    let hint = parameter.r#type;
    let Some(value) = &parameter.value else {
        return Ok(NodeValue::NotSet);
    };
    let wants_double = hint == Some(ParameterType::Float64) || has == NodeType::Double;
    Ok(match value {
        ParameterValue::Bool(value) => NodeValue::Bool(*value),
        ParameterValue::Integer(value) if wants_double => NodeValue::Double(as_double(*value)?),
        ParameterValue::Integer(value) => NodeValue::Integer(*value),
        ParameterValue::Float64(value) => NodeValue::Double(*value),
        ParameterValue::String(text) if hint == Some(ParameterType::ByteArray) => {
            let bytes = BASE64_STANDARD.decode(text);
            NodeValue::ByteArray(bytes.map_err(|error| format!("{} is no base64: {error}", parameter.name))?)
        }
        ParameterValue::String(text) => NodeValue::String(text.clone()),
        ParameterValue::Array(items) => list_from_viewer(items, hint, has).ok_or_else(|| {
            format!(
                "{} is a list of no type that parameters have; give values of one type",
                parameter.name
            )
        })?,
        ParameterValue::Dict(_) => {
            return Err(format!(
                "{} is an object; parameters are values and lists of them",
                parameter.name
            ));
        }
    })
}

fn list_from_viewer(items: &[ParameterValue], hint: Option<ParameterType>, has: NodeType) -> Option<NodeValue> {
    let wants_doubles = hint == Some(ParameterType::Float64Array) || has == NodeType::DoubleArray;
    match items.first() {
        None => Some(match has {
            NodeType::ByteArray => NodeValue::ByteArray(Vec::new()),
            NodeType::BoolArray => NodeValue::BoolArray(Vec::new()),
            NodeType::IntegerArray => NodeValue::IntegerArray(Vec::new()),
            _ if wants_doubles => NodeValue::DoubleArray(Vec::new()),
            _ => NodeValue::StringArray(Vec::new()),
        }),
        Some(ParameterValue::Bool(_)) => each(items, |item| match item {
            ParameterValue::Bool(value) => Some(*value),
            _ => None,
        })
        .map(NodeValue::BoolArray),
        Some(ParameterValue::String(_)) => each(items, |item| match item {
            ParameterValue::String(value) => Some(value.clone()),
            _ => None,
        })
        .map(NodeValue::StringArray),
        Some(ParameterValue::Integer(_)) if !wants_doubles => each(items, |item| match item {
            ParameterValue::Integer(value) => Some(*value),
            _ => None,
        })
        .map(NodeValue::IntegerArray),
        Some(_) => each(items, |item| match item {
            ParameterValue::Integer(value) => as_double(*value).ok(),
            ParameterValue::Float64(value) => Some(*value),
            _ => None,
        })
        .map(NodeValue::DoubleArray),
    }
}

fn each<T>(items: &[ParameterValue], one: impl Fn(&ParameterValue) -> Option<T>) -> Option<Vec<T>> {
    items.iter().map(one).collect()
}

/// The same number, or the reason why there is none.
fn as_double(value: i64) -> Result<f64, String> {
    let double = value as f64;
    match double as i64 == value {
        true => Ok(double),
        false => Err(format!(
            "{value} is too large for a floating point number to hold it exactly"
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn names_are_split_at_the_first_dot_or_at_the_colon() {
        assert_eq!(
            split_name("/arm/driver.pid.p"),
            Some(("/arm/driver".to_owned(), "pid.p"))
        );
        assert_eq!(
            split_name("/arm/driver:pid.p"),
            Some(("/arm/driver".to_owned(), "pid.p"))
        );
        assert_eq!(split_name("driver.rate"), Some(("/driver".to_owned(), "rate")));
        for bad in ["", "driver", ".rate", "/.rate", "driver.", "/"] {
            assert_eq!(split_name(bad), None, "{bad}");
        }
        assert_eq!(full_name("/arm/driver", "pid.p"), "/arm/driver.pid.p");
    }

    #[test]
    fn every_value_comes_back_as_it_was() {
        let values = [
            NodeValue::Bool(true),
            NodeValue::Integer(-7),
            NodeValue::Double(2.0),
            NodeValue::String("hé".to_owned()),
            NodeValue::ByteArray(vec![0, 255]),
            NodeValue::BoolArray(vec![true, false]),
            NodeValue::IntegerArray(vec![1, 2]),
            NodeValue::DoubleArray(vec![1.0, 2.5]),
            NodeValue::StringArray(vec!["a".to_owned()]),
            NodeValue::BoolArray(vec![]),
            NodeValue::DoubleArray(vec![]),
            NodeValue::StringArray(vec![]),
        ];
        for value in values {
            // As the viewer sends it: through JSON.
            let text = serde_json::to_string(&to_viewer("/n.p".to_owned(), &value)).unwrap();
            let parameter: Parameter = serde_json::from_str(&text).unwrap();
            assert_eq!(from_viewer(&parameter, value.value_type()).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn a_whole_number_for_a_floating_point_parameter_is_one() {
        let parameter = Parameter::integer("/n.p", 3);
        assert_eq!(from_viewer(&parameter, NodeType::Double), Ok(NodeValue::Double(3.0)));
        assert_eq!(from_viewer(&parameter, NodeType::Integer), Ok(NodeValue::Integer(3)));
        let list = Parameter::integer_array("/n.p", [1, 2]);
        assert_eq!(
            from_viewer(&list, NodeType::DoubleArray),
            Ok(NodeValue::DoubleArray(vec![1.0, 2.0]))
        );
        let huge = Parameter::integer("/n.p", i64::MAX - 1);
        assert!(from_viewer(&huge, NodeType::Double).is_err());
    }

    #[test]
    fn what_no_parameter_can_hold_is_refused_with_its_name() {
        let dict = Parameter::dict("/n.p", [].into());
        assert!(from_viewer(&dict, NodeType::String).unwrap_err().contains("/n.p"));
        let mixed = Parameter {
            name: "/n.p".to_owned(),
            r#type: None,
            value: Some(ParameterValue::Array(vec![
                ParameterValue::Bool(true),
                ParameterValue::String("a".to_owned()),
            ])),
        };
        assert!(from_viewer(&mixed, NodeType::NotSet).unwrap_err().contains("/n.p"));
    }
}
