//! Types by word of their nodes: the service `~/get_type_description`, both ends of it.
//!
//! What a node of ROS tells of its type proves itself as far as the structure goes: it is compiled and has to hash to the hash
//! that is asked for.

use std::sync::Arc;
use std::time::Duration;

use nuncio::clock::now_ns;
use nuncio::{NodeName, QosProfile, ServiceSupport, TopicName, TypeHash, TypeSupport};
use nuncio_codegen::type_description_json;
use serde_json::{Value, json};

use super::attachment::Attachment;
use super::data_key::{DataKey, RosType};
use super::gid::Gid;
use super::session::{Declared, RosQuery, RosSession, SessionError};
use super::side::{CrossingError, DeclaredEndpoint, RosSide, Side};
use super::token::{EndpointKind, RosNode};
use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeServiceType, BridgeType};
use crate::type_library::TypeLibrary;

/// The type of the service.
const SERVICE: &str = "type_description_interfaces/srv/GetTypeDescription";

/// How long a node may take to tell.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many nodes are asked for one type.
const ASKED_MAX: usize = 4;

/// The type of messages that nodes of ROS name: from the library, from Nuncio's nodes, or as they describe it themselves.
///
/// # Errors
///
/// [`CrossingError`] when nobody knows it.
pub(crate) async fn message_type(
    side: &Side,
    ty: &RosType,
    nodes: &[NodeName],
) -> Result<Arc<BridgeType>, CrossingError> {
    let border = side.client.border();
    let Some(hash) = &ty.hash else {
        return Ok(border.library().message(&ty.name)?);
    };
    if let Some(known) = border.library().message_with_hash(&ty.name, hash) {
        return Ok(known);
    }
    let graph = border.node().graph();
    let cards = graph
        .nodes
        .iter()
        .filter_map(|node| Some((node.key, node.card.as_ref()?)));
    let named = cards.filter(|(_, card)| {
        let published = card.publishers.iter().map(|of| (&of.type_name, &of.type_hash));
        let subscribed = card.subscribers.iter().map(|of| (&of.type_name, &of.type_hash));
        published
            .chain(subscribed)
            .any(|(name, of)| *name == ty.name && of == hash.as_bytes())
    });
    for (key, _) in named.take(ASKED_MAX) {
        if let Ok(known) = border.learn_message(key, &ty.name, hash).await {
            return Ok(known);
        }
    }
    described_message(side.asking(), ty, nodes).await
}

/// The type of messages that nodes of ROS name, as they describe it themselves.
///
/// # Errors
///
/// [`CrossingError`] when none of them does.
pub(crate) async fn described_message(
    asking: Asking<'_>,
    ty: &RosType,
    nodes: &[NodeName],
) -> Result<Arc<BridgeType>, CrossingError> {
    let sources = asking.described(ty, nodes).await?;
    let support = TypeSupport::compile(&ty.name, &asking.texts(&sources)).map_err(|error| unknown(ty, &error))?;
    check_hash(ty, &support.type_hash())?;
    Ok(asking.library.learn(support)?)
}

/// The same for a service.
///
/// # Errors
///
/// [`CrossingError`] when nobody knows it.
pub(crate) async fn service_type(
    side: &Side,
    ty: &RosType,
    nodes: &[NodeName],
) -> Result<Arc<BridgeServiceType>, CrossingError> {
    let library = side.client.border().library();
    let Some(hash) = &ty.hash else {
        return Ok(library.service(&ty.name)?);
    };
    if let Some(known) = library.service_with_hash(&ty.name, hash) {
        return Ok(known);
    }
    let asking = side.asking();
    let sources = asking.described(ty, nodes).await?;
    let support = ServiceSupport::compile(&ty.name, &asking.texts(&sources)).map_err(|error| unknown(ty, &error))?;
    check_hash(ty, &support.type_hash())?;
    Ok(library.learn_service(support)?)
}

fn unknown(ty: &RosType, problem: &dyn std::fmt::Display) -> BorderError {
    BorderError::UnknownType {
        name: ty.name.clone(),
        problem: problem.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

fn check_hash(ty: &RosType, found: &TypeHash) -> Result<(), BorderError> {
    match ty.hash.as_ref() == Some(found) {
        true => Ok(()),
        false => Err(unknown(ty, &format!("what its node describes has the hash {found}"))),
    }
}

/// Who asks nodes of ROS for their types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) session: &'a RosSession,
    /// `ROS_DOMAIN_ID`.
    pub(crate) domain: u32,
    pub(crate) library: &'a TypeLibrary,
}

impl<'a> Asking<'a> {
    /// The texts that were told, and those of the library for what they leave out.
    fn texts(self, told: &'a [(String, String)]) -> Vec<(&'a str, &'a str)> {
        let mut texts: Vec<(&str, &str)> = told.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let shipped = self.library.texts();
        let more = shipped
            .into_iter()
            .filter(|(name, _)| told.iter().all(|(known, _)| known != name));
        texts.extend(more);
        texts
    }

    /// The schema files of a type, as the first of these nodes tells that knows it: names and texts.
    async fn described(self, ty: &RosType, nodes: &[NodeName]) -> Result<Vec<(String, String)>, CrossingError> {
        let service = self.library.service(SERVICE)?;
        let mut problem = unknown(ty, &"its node does not say what it is").into();
        for node in nodes.iter().take(ASKED_MAX) {
            match self.ask(&service, node, ty).await {
                Ok(sources) => return Ok(sources),
                Err(error) => problem = error,
            }
        }
        Err(problem)
    }

    async fn ask(
        self,
        service: &BridgeServiceType,
        node: &NodeName,
        ty: &RosType,
    ) -> Result<Vec<(String, String)>, CrossingError> {
        let key = key_of(self.domain, service, node)?;
        let question = json!({"type_name": ty.name, "type_hash": ty.hash_text(), "include_type_sources": true});
        let request = service.request().payload_of(Body::Json(&question))?;
        let attachment = Attachment {
            number: 1,
            source_time_ns: now_ns(),
            gid: Gid::of_token(&key),
        };
        let cdr = service.request().cdr_of(&request)?;
        let answer = self.session.call(&key, cdr, attachment.to_bytes(), TIMEOUT).await?;
        let payload = service.response().payload_of(Body::Cdr(&answer))?;
        let answer = service.response().codec().to_json(&payload);
        let answer = answer.map_err(|error| unknown(ty, &error))?;
        if answer.get("successful") != Some(&Value::Bool(true)) {
            let reason = answer.get("failure_reason").and_then(Value::as_str).unwrap_or_default();
            return Err(unknown(ty, &format!("{node} says: {reason}")).into());
        }
        let sources = answer.get("type_sources").and_then(Value::as_array);
        let named = sources.into_iter().flatten().filter_map(|source| {
            let text = |field: &str| source.get(field)?.as_str().filter(|text| !text.is_empty());
            Some((text("type_name")?.to_owned(), text("raw_file_contents")?.to_owned()))
        });
        Ok(named.collect())
    }
}

fn name_of(node: &NodeName) -> Option<TopicName> {
    TopicName::parse(&format!("{}/get_type_description", node.as_str())).ok()
}

fn key_of(domain: u32, service: &BridgeServiceType, node: &NodeName) -> Result<String, BorderError> {
    let name = name_of(node).ok_or_else(|| BorderError::Name(format!("{} is too long a name", node.as_str())))?;
    let ty = RosType::new(service.name(), service.hash());
    Ok(DataKey { domain, name, ty }.to_string())
}

/// Answers for a node of this session. `None` when its name is too long for a service, or the type is not in the library.
///
/// # Errors
///
/// [`SessionError`] when the session is closed.
pub(crate) fn serve(side: &Side, node: &RosNode) -> Result<Option<(Declared, DeclaredEndpoint)>, SessionError> {
    let library = side.client.border().library();
    let (Some(name), Ok(service)) = (name_of(&node.name), library.service(SERVICE)) else {
        return Ok(None);
    };
    let ty = RosType::new(service.name(), service.hash());
    let key = side.data_key(&name, &ty).to_string();
    // The side lives as long as the session; what is declared in it must not keep it alive.
    let weak = Arc::downgrade(side);
    let answer = move |query: RosQuery| {
        let Some(side) = weak.upgrade() else { return };
        let answered = answer(&side, &service, &query);
        if let Err(problem) = answered {
            // Who has gone needs no reason.
            let _ = query.fail(&problem);
        }
    };
    let declared = side.session.serve(&key, answer)?;
    let shown = side.declare_endpoint(node, (EndpointKind::Server, &name, &ty), QosProfile::services())?;
    Ok(Some((declared, shown)))
}

fn answer(side: &RosSide, service: &BridgeServiceType, query: &RosQuery) -> Result<(), String> {
    let attachment = Attachment::read(&query.attachment()).ok_or("the request has no attachment of rmw_zenoh")?;
    let request = service
        .request()
        .payload_of(Body::Cdr(&query.payload()))
        .map_err(|error| error.to_string())?;
    let request = service
        .request()
        .codec()
        .to_json(&request)
        .map_err(|error| error.to_string())?;
    let field = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
    let wants_sources = request.get("include_type_sources") == Some(&Value::Bool(true));
    let response = describe(side, field("type_name"), field("type_hash"), wants_sources);
    let payload = service
        .response()
        .payload_of(Body::Json(&response))
        .map_err(|error| error.to_string())?;
    let cdr = service.response().cdr_of(&payload).map_err(|error| error.to_string())?;
    let attachment = attachment.of_response(now_ns()).to_bytes();
    query.reply(cdr, attachment).map_err(|error| error.to_string())
}

fn describe(side: &RosSide, type_name: &str, hash: &str, wants_sources: bool) -> Value {
    let library = side.client.border().library();
    let found = TypeHash::parse(hash).ok().and_then(|hash| {
        let message = library
            .message_with_hash(type_name, &hash)
            .map(|ty| ty.support().clone());
        message.or_else(|| Some(library.service_with_hash(type_name, &hash)?.support().service().clone()))
    });
    let Some(support) = found else {
        return json!({"successful": false, "failure_reason": format!("{type_name} {hash} is not known to the bridge")});
    };
    let description: Value = serde_json::from_str(&type_description_json(support.description())).unwrap_or_default();
    let sources = support
        .definition()
        .sources
        .iter()
        .filter(|_| wants_sources)
        .map(|source| {
            let encoding = source.type_name.split('/').nth(1).unwrap_or("msg");
            json!({"type_name": source.type_name, "encoding": encoding, "raw_file_contents": source.text})
        });
    json!({
        "successful": true,
        "type_description": description,
        "type_sources": sources.collect::<Vec<_>>(),
    })
}
