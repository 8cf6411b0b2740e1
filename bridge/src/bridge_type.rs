//! A type as the border needs it: its codec, and its definition in the words of other protocols.

use std::fmt;
use std::sync::{Arc, OnceLock};

use nuncio::clock::now_ns;
use nuncio::run_time_type::RunTimeType;
use nuncio::{ServiceSupport, TypeHash, TypeSupport};
use nuncio_codegen::model::{InterfaceKind, Message, TypeName};
use nuncio_codegen::{join_definitions, msg_text};
use serde_json::Value;

use crate::border_error::BorderError;

/// The largest payload that is made of protobuf, in bytes: few of them may stand for much.
const PROTOBUF_PAYLOAD_LEN_MAX: usize = 64 << 20;

/// A message as a face has it.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// JSON, as `RunTimeType` reads it.
    Json(&'a Value),
    /// CDR with its header of four bytes.
    Cdr(&'a [u8]),
    /// Nuncio's own encoding.
    Payload(&'a [u8]),
    /// Protobuf by the type's .proto files.
    Protobuf(&'a [u8]),
}

/// A message type.
pub struct BridgeType {
    support: TypeSupport,
    codec: RunTimeType,
    ros2msg: OnceLock<String>,
}

impl fmt::Debug for BridgeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.hash())
    }
}

impl BridgeType {
    /// A type of which the schema is known.
    ///
    /// # Errors
    ///
    /// [`BorderError::UnknownType`] when its nesting or its fixed arrays would cost too much.
    pub fn new(support: TypeSupport) -> Result<Self, BorderError> {
        let codec = support.run_time_type().map_err(|error| BorderError::UnknownType {
            name: support.type_name().to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            support,
            codec,
            ros2msg: OnceLock::new(),
        })
    }

    /// The full name, such as `std_msgs/msg/String`.
    pub fn name(&self) -> &str {
        self.support.type_name()
    }

    /// The RIHS01 hash.
    pub fn hash(&self) -> TypeHash {
        self.support.type_hash()
    }

    /// Its schema.
    pub fn support(&self) -> &TypeSupport {
        &self.support
    }

    /// Its codec.
    pub fn codec(&self) -> &RunTimeType {
        &self.codec
    }

    /// The definition as MCAP's encoding `ros2msg` has it: the text of the type, then for each type that it needs a line of 80
    /// `=`, a line `MSG: package/Name`, and its text.
    pub fn ros2msg(&self) -> &str {
        self.ros2msg.get_or_init(|| {
            let description = self.support.description();
            let referenced: Vec<(&TypeName, String)> = description
                .referenced
                .iter()
                .map(|message| (&message.type_name, self.text_of(message)))
                .collect();
            let referenced = referenced.iter().map(|(name, text)| (*name, text.as_str()));
            join_definitions(&self.text_of(&description.root), referenced)
        })
    }

    /// The text of a message as its publisher has it, or what it would be: parts of services and actions have no file.
    fn text_of(&self, message: &Message) -> String {
        let name = message.type_name.to_string();
        let sources = &self.support.definition().sources;
        let own = sources
            .iter()
            .find(|source| source.type_name == name && message.type_name.kind == InterfaceKind::Msg);
        own.map_or_else(|| msg_text(message), |source| source.text.clone())
    }

    /// The payload of a message that a foreign client gives, checked against the limits of the schema.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] with the place and what was expected there.
    pub fn payload_of(&self, body: Body<'_>) -> Result<Vec<u8>, BorderError> {
        let refused = |problem: &dyn fmt::Display| BorderError::Message(format!("no {}: {problem}", self.name()));
        let payload = match body {
            // What is made of JSON is checked while it is made.
            Body::Json(json) => return self.codec.from_json(json, now_ns()).map_err(|error| refused(&error)),
            Body::Cdr(cdr) => {
                let mut payload = Vec::with_capacity(cdr.len());
                let read = self.codec.cdr_to_payload(cdr, &mut payload);
                read.map_err(|error| refused(&error))?;
                payload
            }
            Body::Payload(payload) => payload.to_vec(),
            Body::Protobuf(protobuf) => {
                let mut payload = Vec::with_capacity(protobuf.len());
                let read = self
                    .codec
                    .protobuf_to_payload(protobuf, PROTOBUF_PAYLOAD_LEN_MAX, &mut payload);
                read.map_err(|error| refused(&error))?;
                payload
            }
        };
        self.codec.check(&payload).map_err(|error| refused(&error))?;
        Ok(payload)
    }

    /// The message in CDR.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when the payload is not of this type, or too long.
    pub fn cdr_of(&self, payload: &[u8]) -> Result<Vec<u8>, BorderError> {
        let mut cdr = Vec::with_capacity(payload.len() + 64);
        let written = self.codec.payload_to_cdr(payload, &mut cdr);
        written.map_err(|error| BorderError::Message(format!("no CDR of this {}: {error}", self.name())))?;
        Ok(cdr)
    }

    /// The message in protobuf, by the type's .proto files.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when the payload is not of this type, or too long.
    pub fn protobuf_of(&self, payload: &[u8]) -> Result<Vec<u8>, BorderError> {
        let mut protobuf = Vec::with_capacity(payload.len() + 64);
        let written = self.codec.payload_to_protobuf(payload, &mut protobuf);
        written.map_err(|error| BorderError::Message(format!("no protobuf of this {}: {error}", self.name())))?;
        Ok(protobuf)
    }

    /// The message as JSON text.
    ///
    /// # Errors
    ///
    /// [`BorderError::Message`] when the payload is not of this type, or too long.
    pub fn json_of(&self, payload: &[u8]) -> Result<String, BorderError> {
        let mut text = String::with_capacity(payload.len() * 2 + 64);
        let written = self.codec.write_json(payload, &mut text);
        written.map_err(|error| BorderError::Message(format!("no JSON of this {}: {error}", self.name())))?;
        Ok(text)
    }
}

/// A service type.
#[derive(Debug)]
pub struct BridgeServiceType {
    support: ServiceSupport,
    request: Arc<BridgeType>,
    response: Arc<BridgeType>,
}

impl BridgeServiceType {
    /// A service type of which the schema is known.
    ///
    /// # Errors
    ///
    /// As [`BridgeType::new`].
    pub fn new(support: ServiceSupport) -> Result<Self, BorderError> {
        let part = |part: &TypeSupport| BridgeType::new(part.clone()).map(Arc::new);
        Ok(Self {
            request: part(support.request())?,
            response: part(support.response())?,
            support,
        })
    }

    /// The full name, such as `std_srvs/srv/SetBool`.
    pub fn name(&self) -> &str {
        self.support.type_name()
    }

    /// The RIHS01 hash.
    pub fn hash(&self) -> TypeHash {
        self.support.type_hash()
    }

    /// Its schema.
    pub fn support(&self) -> &ServiceSupport {
        &self.support
    }

    /// The type of its requests.
    pub fn request(&self) -> &Arc<BridgeType> {
        &self.request
    }

    /// The type of its responses.
    pub fn response(&self) -> &Arc<BridgeType> {
        &self.response
    }
}
