//! `service info`: who serves a service, who calls it, and whether they mean the same type.

use nuncio::TypeHash;
use nuncio::graph::{Endpoint, GraphService};
use nuncio::msgs::nuncio_msgs::msg::CardService;

use super::{CommandError, Outcome};
use crate::answers::called::{ServiceDetails, ServiceEnd};
use crate::answers::topic::TypeAndHash;
use crate::cli::ServiceInfo;
use crate::render::{OutputError, Render, Table, Tone, short_key};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: &ServiceInfo) -> Result<Outcome, CommandError> {
    let graph = session.graph().await;
    let service = graph.services().remove(&args.service).unwrap_or_default();
    let render = session.render;
    if service.types().is_empty() {
        render.note(format!("nobody serves or calls {}", args.service));
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    }
    match render.is_json() {
        true => render.answer(&details(args.service.as_str(), &service, &service.types()))?,
        false => show(render, args, &service)?,
    }
    Ok(Outcome::Found)
}

fn details<'a>(name: &'a str, service: &'a GraphService, types: &'a [(String, TypeHash)]) -> ServiceDetails<'a> {
    let typed = types.iter().map(|(type_name, hash)| TypeAndHash {
        type_name,
        hash: hash.to_string(),
    });
    ServiceDetails {
        service: name,
        types: typed.collect(),
        types_differ: types.len() > 1,
        servers: service.servers.iter().map(end).collect(),
        clients: service.clients.iter().map(end).collect(),
    }
}

fn end(Endpoint { node, facts }: &Endpoint<CardService>) -> ServiceEnd<'_> {
    ServiceEnd {
        node: node.name.as_str(),
        key: node.key.to_string(),
        verified: node.is_verified(),
        type_name: &facts.type_name,
        type_hash: TypeHash::from_bytes(facts.type_hash).to_string(),
    }
}

fn show(render: &Render, args: &ServiceInfo, service: &GraphService) -> Result<(), OutputError> {
    render.line(Some(Tone::Strong), args.service.as_str())?;
    let types = service.types();
    for (name, hash) in &types {
        let hash = match args.verbose || types.len() > 1 {
            true => format!("  {hash}"),
            false => String::new(),
        };
        render.line(None, &format!("type: {name}{hash}"))?;
    }
    if types.len() > 1 {
        let text = "the nodes mean different types: clients call servers of their own type only";
        render.line(Some(Tone::Warning), text)?;
    }
    for (what, ends) in [("servers", &service.servers), ("clients", &service.clients)] {
        let mut table = Table::default();
        for Endpoint { node, facts } in ends {
            let key = match args.verbose {
                true => node.key.to_string(),
                false => short_key(&node.key),
            };
            table.row([node.name.to_string(), key, facts.type_name.clone()]);
        }
        render.line(None, &format!("{what}: {}", ends.len()))?;
        table.lines(2).iter().try_for_each(|line| render.line(None, line))?;
    }
    Ok(())
}
