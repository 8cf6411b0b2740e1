//! What types are made of, for rosapi.

use std::sync::Arc;

use nuncio_codegen::model::{Count, Element, Message, Scalar, TypeDescription};
use serde_json::{Value, json};

use super::publications::same_type;
use super::rosapi_graph;
use crate::action_ends::BridgeActionType;
use crate::bridge_type::BridgeType;
use crate::client::Client;

/// All topics with their types and the full definitions of these.
pub(super) async fn topics_and_raw_types(client: &Client) -> Value {
    let offers = rosapi_graph::shown_topics(client);
    let (mut topics, mut types, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (name, type_name) in rosapi_graph::names_and_types(client) {
        let known = match offers.iter().find(|offer| offer.name == name) {
            Some(offer) => client.type_of(offer).await,
            None => client.border().library().message(&type_name),
        };
        topics.push(name);
        types.push(type_name);
        texts.push(known.map(|ty| ty.ros2msg().to_owned()).unwrap_or_default());
    }
    json!({"topics": topics, "types": types, "typedefs_full_text": texts})
}

pub(super) async fn message_details(client: &Client, type_name: &str) -> Result<Value, String> {
    let unknown = match client.border().library().message(type_name) {
        Ok(known) => return Ok(details(&known)),
        Err(error) => error,
    };
    let offers = client.topics();
    let offer = offers
        .iter()
        .find(|offer| offer.types.iter().any(|(name, _)| same_type(name, type_name)));
    match offer {
        Some(offer) => client
            .type_of(offer)
            .await
            .map(|ty| details(&ty))
            .map_err(|error| error.to_string()),
        None => Err(unknown.to_string()),
    }
}

pub(super) async fn service_details(client: &Client, type_name: &str, is_response: bool) -> Result<Value, String> {
    let part = |ty: &crate::BridgeServiceType| match is_response {
        true => details(ty.response()),
        false => details(ty.request()),
    };
    let unknown = match client.border().library().service(type_name) {
        Ok(known) => return Ok(part(&known)),
        Err(error) => error,
    };
    let offers = client.services();
    let offer = offers
        .iter()
        .find(|offer| offer.types.iter().any(|(name, _)| same_type(name, type_name)));
    match offer {
        Some(offer) => client
            .service_type_of(offer)
            .await
            .map(|ty| part(&ty))
            .map_err(|error| error.to_string()),
        None => Err(unknown.to_string()),
    }
}

pub(super) fn action_details(
    client: &Client,
    type_name: &str,
    part: impl Fn(&BridgeActionType) -> &Arc<BridgeType>,
) -> Result<Value, String> {
    let ty = client.border().library().action(type_name);
    ty.map(|ty| details(part(&ty))).map_err(|error| error.to_string())
}

/// A type and those that it is made of, each once.
fn details(ty: &BridgeType) -> Value {
    let description = ty.codec().description();
    let all = std::iter::once(&description.root).chain(&description.referenced);
    let typedefs: Vec<Value> = all.map(|message| typedef(description, message)).collect();
    json!({"typedefs": typedefs})
}

fn typedef(description: &TypeDescription, message: &Message) -> Value {
    let names: Vec<&str> = message.fields.iter().map(|field| field.name.as_str()).collect();
    let types: Vec<String> = message
        .fields
        .iter()
        .map(|field| element_name(&field.field_type.element))
        .collect();
    let lens: Vec<i64> = message
        .fields
        .iter()
        .map(|field| match field.field_type.count {
            Count::One => -1,
            Count::Array(len) => i64::from(len),
            Count::Sequence { .. } => 0,
        })
        .collect();
    let examples: Vec<String> = message
        .fields
        .iter()
        .map(|field| match (field.field_type.count, &field.field_type.element) {
            (Count::Array(_) | Count::Sequence { .. }, _) => "[]".to_owned(),
            (Count::One, Element::Message(name)) if description.find(name).is_some() => "{}".to_owned(),
            (Count::One, Element::Text { .. } | Element::Message(_)) => String::new(),
            (Count::One, Element::Primitive(primitive)) => match (primitive.as_str(), primitive.is_float()) {
                ("bool", _) => "False".to_owned(),
                (_, true) => "0.0".to_owned(),
                _ => "0".to_owned(),
            },
        })
        .collect();
    let constants: Vec<(&str, String)> = message
        .constants
        .iter()
        .map(|constant| (constant.name.as_str(), scalar_text(&constant.value)))
        .collect();
    let (const_names, const_values): (Vec<_>, Vec<_>) = constants.into_iter().unzip();
    json!({
        "type": message.type_name.to_string(),
        "fieldnames": names,
        "fieldtypes": types,
        "fieldarraylen": lens,
        "examples": examples,
        "constnames": const_names,
        "constvalues": const_values,
    })
}

fn element_name(element: &Element) -> String {
    match element {
        Element::Primitive(primitive) => primitive.as_str().to_owned(),
        Element::Text { kind, .. } => kind.as_str().to_owned(),
        Element::Message(name) => name.to_string(),
    }
}

fn scalar_text(value: &Scalar) -> String {
    match value {
        Scalar::Bool(value) => value.to_string(),
        Scalar::Integer(value) => value.to_string(),
        Scalar::Float(value) => value.to_string(),
        Scalar::Text(value) => value.clone(),
    }
}
