//! `service list`, `service type` and `service find`: the services that signed cards name.

use nuncio::TopicName;
use nuncio::graph::GraphService;
use serde_json::json;

use super::{CommandError, Outcome};
use crate::catalog::is_named;
use crate::cli::{ServiceFind, ServiceList, ServiceType};
use crate::session::Session;

pub(super) async fn list(session: &mut Session<'_>, args: &ServiceList) -> Result<Outcome, CommandError> {
    let shown = |name: &TopicName, _: &GraphService| args.all || !name.is_hidden();
    print(session, args.types, "no services", shown).await
}

pub(super) async fn find(session: &mut Session<'_>, args: &ServiceFind) -> Result<Outcome, CommandError> {
    let wanted = |name: &str| is_named(name, &args.type_name);
    let shown = |_: &TopicName, service: &GraphService| service.types().iter().any(|(name, _)| wanted(name));
    print(session, false, &format!("no service of type {}", args.type_name), shown).await
}

pub(super) async fn type_of(session: &mut Session<'_>, args: &ServiceType) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let types = graph.services().remove(&args.service).unwrap_or_default().types();
    let render = session.render;
    if types.is_empty() {
        render.note(format!("nobody serves or calls {}", args.service));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    for (name, hash) in &types {
        match render.is_json() {
            true => render.json(&json!({
                "service": args.service.as_str(),
                "type": name,
                "type_hash": hash.to_string(),
            }))?,
            false => render.line(None, name)?,
        }
    }
    if types.len() > 1 {
        let service = &args.service;
        render.warning(format!(
            "{service} has several types; see `nuncio service info {service}`"
        ));
    }
    Ok(Outcome::Found)
}

async fn print(
    session: &mut Session<'_>,
    with_types: bool,
    nothing: &str,
    shown: impl Fn(&TopicName, &GraphService) -> bool,
) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let mut services = graph.services();
    services.retain(|name, service| shown(name, service));
    let render = session.render;
    if services.is_empty() {
        render.note(nothing);
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    for (name, service) in &services {
        let types = service.types();
        if render.is_json() {
            render.json(&json!({
                "service": name.as_str(),
                "type": types.first().map(|(name, _)| name),
                "type_hash": types.first().map(|(_, hash)| hash.to_string()),
                "types_differ": types.len() > 1,
                "servers": service.servers.len(),
                "clients": service.clients.len(),
            }))?;
        } else if with_types {
            let mut names: Vec<_> = types.iter().map(|(name, _)| name.as_str()).collect();
            names.dedup();
            render.line(None, &format!("{name} [{}]", names.join(", ")))?;
        } else {
            render.line(None, name.as_str())?;
        }
        if types.len() > 1 {
            render.warning(format!("{name} has several types; see `nuncio service info {name}`"));
        }
    }
    Ok(Outcome::Found)
}
