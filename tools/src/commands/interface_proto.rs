//! `interface proto`: a message with the schema's defaults, to be filled in.

use nuncio::run_time_type::RunTimeType;
use nuncio_codegen::Interfaces;
use nuncio_codegen::model::{Element, Field, Message, Primitive, Scalar, TypeDescription, TypeName};
use serde_json::{Value, json};

use super::{CommandError, Outcome};
use crate::answers::message::Message as AnyMessage;
use crate::catalog::Catalog;
use crate::cli::InterfaceProto;
use crate::render::{Render, block};

pub(super) fn run(render: &Render, catalog: &Catalog, args: InterfaceProto) -> Result<Outcome, CommandError> {
    let interfaces = catalog.compiled()?;
    let name = match catalog.find_any(&interfaces, &args.type_name) {
        Ok(name) => sent_first(&interfaces, name),
        Err(unknown) => {
            render.note(unknown);
            return Ok(Outcome::Nothing);
        }
    };
    let Some(description) = interfaces.describe(&name) else {
        return Ok(Outcome::Nothing);
    };
    let prototype = prototype(&description, &RunTimeType::new(&description)?);
    match render.is_json() {
        true => render.answer(&AnyMessage(prototype))?,
        false => render.lines(&block(&prototype, None, &|_, _| None))?,
    }
    Ok(Outcome::Found)
}

fn prototype(description: &TypeDescription, codec: &RunTimeType) -> Value {
    let mut prototype = codec.default_json();
    bring_within_limits(&mut prototype, &description.root, description);
    prototype
}

/// What a person who names a service or an action wants to fill in: its request or its goal.
fn sent_first(interfaces: &Interfaces, name: TypeName) -> TypeName {
    let services = interfaces.services().iter();
    let derived = services.chain(
        interfaces
            .actions()
            .iter()
            .flat_map(|action| [&action.send_goal, &action.get_result]),
    );
    if let Some(service) = derived.clone().find(|service| service.type_name == name) {
        return service.request.type_name.clone();
    }
    match interfaces.actions().iter().find(|action| action.type_name == name) {
        Some(action) => action.goal.type_name.clone(),
        None => name,
    }
}

/// Replaces each 0 that no default asked for and that the field's limits do not allow. A schema whose defaults are
/// outside of their limits does not compile.
fn bring_within_limits(value: &mut Value, message: &Message, description: &TypeDescription) {
    for field in &message.fields {
        let Some(value) = value.get_mut(&field.name) else {
            continue;
        };
        let elements = match value {
            Value::Array(elements) => elements.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        if let Element::Message(name) = &field.field_type.element {
            let Some(inner) = description.find(name) else { continue };
            elements
                .iter_mut()
                .for_each(|element| bring_within_limits(element, inner, description));
        } else if field.default.is_none()
            && let Some(allowed) = nearest_to_zero(field, message)
        {
            elements.fill(allowed);
        }
    }
}

/// The allowed value that is nearest to 0, of a field whose limits do not allow 0.
fn nearest_to_zero(field: &Field, message: &Message) -> Option<Value> {
    if let Some(prefix) = &field.limits.enumeration {
        let named = message
            .constants
            .iter()
            .filter(|constant| constant.name.starts_with(prefix));
        let values = named.filter_map(|constant| match &constant.value {
            Scalar::Integer(value) => i64::try_from(*value).ok(),
            Scalar::Bool(_) | Scalar::Float(_) | Scalar::Text(_) => None,
        });
        let nearest = values.min_by_key(|value| value.unsigned_abs())?;
        return (nearest != 0).then(|| json!(nearest));
    }
    let (low, high) = field.limits.range?;
    let is_float = matches!(
        field.field_type.element,
        Element::Primitive(Primitive::Float32 | Primitive::Float64)
    );
    let nearest = match (low > 0.0, high < 0.0) {
        (true, _) if is_float => return Some(json!(low)),
        (_, true) if is_float => return Some(json!(high)),
        (true, _) => low.ceil(),
        (_, true) => high.floor(),
        _ => return None,
    };
    // Saturates, and the codec says so, where the limit is beyond the integers.
    Some(json!(nearest as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prototype_of_every_shipped_message_is_one_in_both_forms() {
        let interfaces = Catalog::shipped().compiled().unwrap();
        assert!(interfaces.messages().len() > 300);
        for message in interfaces.messages() {
            let description = interfaces.describe(&message.type_name).unwrap();
            let codec = RunTimeType::new(&description).unwrap();
            let prototype = prototype(&description, &codec);
            let yaml = block(&prototype, None, &|_, _| None);
            let from_yaml = codec.from_yaml_text(&yaml, 0);
            let from_json = codec.from_json(&prototype, 0);
            let from_yaml = from_yaml.unwrap_or_else(|error| panic!("{}: {error}\n{yaml}", message.type_name));
            assert_eq!(
                Ok(from_yaml),
                from_json.map_err(|error| error.to_string()),
                "{}",
                message.type_name
            );
        }
    }
}
