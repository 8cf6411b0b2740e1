//! Types: which one a name or a topic means, and what a program in another language has to know of it.

use std::sync::Arc;

use bytes::Bytes;
use nuncio::TypeHash;
use nuncio_codegen::{ProtoFile, ProtoKind, json_schema, proto_files, proto_package, proto_path};
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type as FieldType};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, OneofDescriptorProto,
};
use tonic::Status;

use super::refusing::status;
use super::wire;
use crate::border_error::BorderError;
use crate::bridge_type::{BridgeServiceType, BridgeType};
use crate::client::Client;

/// The type that a client publishes on a topic: the topic's own, where it has one.
///
/// # Errors
///
/// [`BorderError`] when the topic has another type than the client says, or neither of them says any.
pub(super) async fn type_to_publish(
    client: &Client,
    topic: &str,
    type_name: &str,
) -> Result<Arc<BridgeType>, BorderError> {
    let name = slashed(topic);
    let offer = client.topics().into_iter().find(|offer| offer.name == name);
    let Some(offer) = offer.filter(|offer| !offer.types.is_empty()) else {
        return match type_name.is_empty() {
            true => Err(BorderError::NobodyThere { what: "topic", name }),
            false => client.border().library().message(type_name),
        };
    };
    let own = client.type_of(&offer).await?;
    match type_name.is_empty() || full_name(type_name, "msg") == own.name() {
        true => Ok(own),
        false => Err(BorderError::OtherType {
            name,
            expected: own.name().to_owned(),
            found: type_name.chars().take(256).collect(),
        }),
    }
}

/// What a request asks for.
enum Found {
    Message(Arc<BridgeType>),
    Service(Arc<BridgeServiceType>),
}

/// Answers what a type is.
pub(super) async fn get_type(client: &Client, request: wire::GetTypeRequest) -> Result<wire::Type, Status> {
    let hash = match request.hash.as_str() {
        "" => None,
        text => Some(TypeHash::parse(text).map_err(|error| Status::invalid_argument(error.to_string()))?),
    };
    let found = match (request.topic.as_str(), request.name.as_str()) {
        ("", "") => return Err(Status::invalid_argument("name a type, or a topic whose type is wanted")),
        (topic, "") => type_of_name(client, &slashed(topic)).await,
        (_, name) => named_type(client, name, hash).await,
    };
    Ok(match found.map_err(status)? {
        Found::Message(ty) => message_facts(&ty),
        Found::Service(ty) => wire::Type {
            name: ty.name().to_owned(),
            hash: ty.hash().to_string(),
            request: Some(Box::new(message_facts(ty.request()))),
            response: Some(Box::new(message_facts(ty.response()))),
            ..wire::Type::default()
        },
    })
}

/// The type of a topic, or of a service.
async fn type_of_name(client: &Client, name: &str) -> Result<Found, BorderError> {
    if let Some(offer) = client.topics().into_iter().find(|offer| offer.name == name) {
        return client.type_of(&offer).await.map(Found::Message);
    }
    match client.services().into_iter().find(|offer| offer.name == name) {
        Some(offer) => client.service_type_of(&offer).await.map(Found::Service),
        None => Err(BorderError::NobodyThere {
            what: "topic or service",
            name: name.to_owned(),
        }),
    }
}

/// The type of this name: the version that is in use where the client may look, else the one that is known here.
async fn named_type(client: &Client, name: &str, hash: Option<TypeHash>) -> Result<Found, BorderError> {
    let is_meant = |full: &str, found: &str, of: [u8; 32]| {
        full == found && hash.is_none_or(|hash| hash == TypeHash::from_bytes(of))
    };
    let message = full_name(name, "msg");
    for offer in client.topics() {
        let published = offer.graph.publishers.iter();
        let mut published = published.map(|end| (end.node.key, &end.facts.type_name, end.facts.type_hash));
        if let Some((key, found, of)) = published.find(|(_, found, of)| is_meant(&message, found, *of)) {
            let of = TypeHash::from_bytes(of);
            let learned = client.border().learn_message(key, found, &of);
            return learned.await.map(Found::Message);
        }
    }
    let service = full_name(name, "srv");
    for offer in client.services() {
        let mut served = offer.graph.servers.iter();
        let meant = served.find(|end| is_meant(&service, &end.facts.type_name, end.facts.type_hash));
        if let Some(end) = meant {
            let of = TypeHash::from_bytes(end.facts.type_hash);
            let learned = client.border().learn_service(end.node.key, &end.facts.type_name, &of);
            return learned.await.map(Found::Service);
        }
    }
    let library = client.border().library();
    let Some(hash) = hash else {
        // What is named as a service is one, or a part of one.
        if name.contains("/srv/")
            && let Ok(found) = library.service(name)
        {
            return Ok(Found::Service(found));
        }
        let found = library.message(name).map(Found::Message);
        return found.or_else(|unknown| library.service(name).map(Found::Service).map_err(|_| unknown));
    };
    let found = library.service_with_hash(name, &hash).map(Found::Service);
    let found = found.or_else(|| library.message_with_hash(name, &hash).map(Found::Message));
    found.ok_or_else(|| BorderError::UnknownType {
        name: name.to_owned(),
        problem: format!("no version of it has the hash {hash}, and nobody here publishes one"),
    })
}

fn slashed(name: &str) -> String {
    match name.starts_with('/') {
        true => name.to_owned(),
        false => format!("/{name}"),
    }
}

fn full_name(name: &str, kind: &str) -> String {
    match name.split_once('/') {
        Some((package, rest)) if !rest.contains('/') => format!("{package}/{kind}/{rest}"),
        _ => name.to_owned(),
    }
}

/// What there is to know of a message type.
fn message_facts(ty: &BridgeType) -> wire::Type {
    let description = ty.support().description();
    let files = proto_files(description);
    let described = FileDescriptorSet {
        file: files.iter().map(describe).collect(),
    };
    let root = &description.root.type_name;
    wire::Type {
        name: ty.name().to_owned(),
        hash: ty.hash().to_string(),
        ros2msg: ty.ros2msg().to_owned(),
        proto_message: format!("{}.{}", proto_package(root), root.name),
        file_descriptor_set: Bytes::from(described.encode_to_vec()),
        proto_files: files
            .into_iter()
            .map(|file| wire::ProtoFile {
                path: proto_path(&file.type_name),
                text: file.text,
            })
            .collect(),
        json_schema: json_schema(description),
        request: None,
        response: None,
    }
}

/// The file as protobuf's compilers describe it.
fn describe(file: &ProtoFile) -> FileDescriptorProto {
    let mut message = DescriptorProto {
        name: Some(file.type_name.name.clone()),
        ..DescriptorProto::default()
    };
    for field in &file.fields {
        let (kind, type_name) = kind_of(&field.kind);
        let label = if field.is_repeated {
            Label::Repeated
        } else {
            Label::Optional
        };
        let mut described = FieldDescriptorProto {
            name: Some(field.name.clone()),
            number: i32::try_from(field.number).ok(),
            label: Some(label.into()),
            r#type: Some(kind.into()),
            type_name,
            json_name: Some(field.name.clone()),
            ..FieldDescriptorProto::default()
        };
        if field.is_optional {
            // What proto3 makes of `optional`: a union of its own.
            described.proto3_optional = Some(true);
            described.oneof_index = i32::try_from(message.oneof_decl.len()).ok();
            message.oneof_decl.push(OneofDescriptorProto {
                name: Some(format!("_{}", field.name)),
                options: None,
            });
        }
        message.field.push(described);
    }
    FileDescriptorProto {
        name: Some(proto_path(&file.type_name)),
        package: Some(proto_package(&file.type_name)),
        dependency: file.imports.iter().map(proto_path).collect(),
        message_type: vec![message],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

fn kind_of(kind: &ProtoKind) -> (FieldType, Option<String>) {
    let kind = match kind {
        ProtoKind::Bool => FieldType::Bool,
        ProtoKind::Bytes => FieldType::Bytes,
        ProtoKind::Double => FieldType::Double,
        ProtoKind::Float => FieldType::Float,
        ProtoKind::Sint32 => FieldType::Sint32,
        ProtoKind::Sint64 => FieldType::Sint64,
        ProtoKind::String => FieldType::String,
        ProtoKind::Uint32 => FieldType::Uint32,
        ProtoKind::Uint64 => FieldType::Uint64,
        ProtoKind::Message(name) => {
            let full = format!(".{}.{}", proto_package(name), name.name);
            return (FieldType::Message, Some(full));
        }
    };
    (kind, None)
}

#[cfg(test)]
mod tests;
