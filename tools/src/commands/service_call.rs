//! `service call`: one request from YAML or JSON, and the verified response.

use std::time::Duration;

use nuncio::graph::Endpoint;
use nuncio::msgs::nuncio_msgs::msg::CardService;
use nuncio::{
    CallError, GenericResponse, GenericServiceClient, ServiceClientOptions, ServiceIntrospection, ServiceSupport,
    TypeHash, clock,
};

use super::{CommandError, Outcome, unanswered};
use crate::answers::called::ServiceResponse;
use crate::answers::message::MessageText;
use crate::catalog::{Catalog, is_named};
use crate::cli::ServiceCall;
use crate::render::{Tone, block, count};
use crate::session::Session;
use crate::signed_by;
use crate::values;

/// How long a response is waited for unless `--timeout` says otherwise.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long to stay when somebody may be told of the call.
const STAY: Duration = Duration::from_millis(300);

pub(super) async fn run(session: &mut Session<'_>, args: ServiceCall) -> Result<Outcome, CommandError> {
    let (type_name, values) = values::type_and_values(&args.request);
    let graph = session.graph().await;
    let service = graph.services().remove(&args.service).unwrap_or_default();
    let render = session.render;
    let wanted = |name: &str| type_name.is_none_or(|asked| is_named(name, asked));
    let server = service.servers.iter().find(|server| wanted(&server.facts.type_name));
    let Some(server) = server else {
        match (service.servers.first(), type_name) {
            (Some(other), Some(asked)) => {
                let found = &other.facts.type_name;
                render.warning(format!("{} is of type {found}, not {asked}", args.service));
            }
            _ => render.note(format!("nobody serves {}", args.service)),
        }
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    };
    let support = support_of(session, server).await?;
    let payload = values::payload(&support.request().run_time_type()?, values, clock::now_ns())?;
    let options = ServiceClientOptions {
        deadline: session.timeout.unwrap_or(DEADLINE),
        server_role: args.expect,
        introspection: args.introspection,
        ..ServiceClientOptions::default()
    };
    let client = session
        .node
        .generic_service_client(args.service.as_str(), &support, options)?;
    if args.all {
        let outcome = call_all(session, &support, &client, &payload).await;
        stay(args.introspection).await;
        return outcome;
    }
    let called = render.progress("waiting for the response", client.call(&payload));
    let answered = tokio::select! {
        answered = called => answered,
        () = session.interrupt.wished() => return Ok(Outcome::Nothing),
    };
    stay(args.introspection).await;
    match answered {
        Ok(response) => {
            print(session, &support, &response)?;
            Ok(Outcome::Found)
        }
        Err(error) => unanswered(render, error),
    }
}

/// Who is told of a call by this node has to ask for its card first.
async fn stay(introspection: ServiceIntrospection) {
    if introspection != ServiceIntrospection::Off {
        tokio::time::sleep(STAY).await;
    }
}

/// Calls all servers and prints what each has said.
async fn call_all(
    session: &mut Session<'_>,
    support: &ServiceSupport,
    client: &GenericServiceClient,
    payload: &[u8],
) -> Result<Outcome, CommandError> {
    let render = session.render;
    let calling = client.call_all(payload, client.options().deadline);
    let called = tokio::select! {
        called = render.progress("waiting for the responses", calling) => called,
        () = session.interrupt.wished() => return Ok(Outcome::Nothing),
    };
    let answers = match called {
        Ok(answers) => answers,
        Err(error @ CallError::NoServer(_)) => {
            render.warning(error);
            return Ok(Outcome::Refused);
        }
        Err(error) => return Err(error.into()),
    };
    for response in &answers.responses {
        print(session, support, response)?;
        if !render.is_json() {
            render.line(Some(Tone::Quiet), "---")?;
        }
    }
    for (_, error) in &answers.failed {
        render.warning(error);
    }
    for server in &answers.not_asked {
        let problem = server.problem.as_ref().map(ToString::to_string).unwrap_or_default();
        render.warning(format!("{} was not asked: {problem}", server.node));
    }
    render.note(format!(
        "{} asked: {} answered, {} found nothing, {} gave no response",
        count(answers.asked(), "server"),
        answers.responses.len(),
        answers.nothing_found.len(),
        answers.failed.len(),
    ));
    let is_refused = |error: &CallError| matches!(error, CallError::Unanswered { .. });
    Ok(match answers.responses.is_empty() {
        _ if answers.failed.iter().any(|(_, error)| is_refused(error)) => Outcome::Refused,
        true => Outcome::Nothing,
        false => Outcome::Found,
    })
}

/// The server's type: from the catalog when the hash is equal, else asked of the server.
async fn support_of(
    session: &Session<'_>,
    Endpoint { node, facts }: &Endpoint<CardService>,
) -> Result<ServiceSupport, CommandError> {
    let hash = TypeHash::from_bytes(facts.type_hash);
    let catalog = Catalog::open(&session.interfaces)?;
    if let Some(known) = catalog.with_hash(&facts.type_name, hash) {
        return Ok(ServiceSupport::from_definition(known.definition())?);
    }
    let fetching = session.node.fetch_service_type(node.key, &facts.type_name, &hash);
    Ok(session.render.progress("asking for the type", fetching).await?)
}

fn print(session: &Session<'_>, support: &ServiceSupport, response: &GenericResponse) -> Result<(), CommandError> {
    let (render, info, codec) = (session.render, response.info(), support.response().run_time_type()?);
    if !render.is_json() {
        let head = format!("# {}", signed_by::line(&info));
        render.line(Some(Tone::Quiet), &head)?;
        render.lines(&block(&codec.to_json(response.payload())?, None, &|_, _| None))?;
        return Ok(());
    }
    let answer = ServiceResponse {
        service: info.topic.as_str(),
        type_name: support.type_name(),
        signed: signed_by::answer(&info),
        request_id: info.cause.map(|cause| cause.to_string()),
        response: MessageText,
    };
    let mut json = String::new();
    codec.write_json(response.payload(), &mut json)?;
    render.answer_with(&answer, &json)?;
    Ok(())
}
