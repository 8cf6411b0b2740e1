//! The parameters of another node: how they are reached, and how their values look in JSON.

use std::time::Duration;

use nuncio::graph::{Graph, GraphNode};
use nuncio::{CallError, NodeName, ParameterCallError, ParameterClient, ParameterValue, ServiceClientOptions};
use nuncio_codegen::near_names;
use serde_json::Value;

use crate::commands::{CommandError, Outcome, unanswered};
use crate::session::Session;

/// How long an answer is waited for unless `--timeout` says otherwise.
const DEADLINE: Duration = Duration::from_secs(5);

/// Whether the node's card says that it has parameters.
pub(crate) fn has_parameters(node: &GraphNode) -> bool {
    let service = format!("{}/list_parameters", node.name);
    let services = node.card.iter().flat_map(|card| &card.services);
    services
        .into_iter()
        .any(|facts| facts.is_server && facts.name == service)
}

/// What reaches the parameters of a node that is there; `None` when it has none or is not there, which is told.
///
/// # Errors
///
/// When this program's own node cannot call anybody.
pub(crate) async fn client_of(
    session: &mut Session<'_>,
    node: &NodeName,
) -> Result<Option<ParameterClient>, CommandError> {
    let graph = session.graph().await;
    if graph.nodes_named(node).any(has_parameters) {
        return client(session, node).map(Some);
    }
    let render = session.render;
    match graph.nodes_named(node).next() {
        Some(_) => render.note(format!("{node} has no parameters")),
        None => {
            render.note(format!("no node is called {node}{}", near(&graph, node)));
            session.explain_nothing(&graph).await;
        }
    }
    Ok(None)
}

/// What reaches the parameters of a node.
///
/// # Errors
///
/// As [`client_of`].
pub(crate) fn client(session: &Session<'_>, node: &NodeName) -> Result<ParameterClient, CommandError> {
    let options = ServiceClientOptions {
        deadline: session.timeout.unwrap_or(DEADLINE),
        ..ServiceClientOptions::default()
    };
    Ok(session.node.parameter_client_with(node.as_str(), &options)?)
}

fn near(graph: &Graph, node: &NodeName) -> String {
    let names = graph.nodes.iter().filter(|node| has_parameters(node));
    did_you_mean(node.as_str(), names.map(|node| node.name.as_str()))
}

/// Says that a node has no such parameter, and which ones have such a name.
pub(crate) async fn tell_unknown(session: &Session<'_>, client: &ParameterClient, name: &str) {
    let known = client.list(&[], 0).await.map(|found| found.names).unwrap_or_default();
    let near = did_you_mean(name, known.iter().map(String::as_str));
    let node = client.of();
    let near = match near.is_empty() {
        true => format!("; `nuncio param list {node}` lists those that there are"),
        false => near,
    };
    session.render.warning(format!("{node} has no parameter {name}{near}"));
}

fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match near_names(name, known).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    }
}

/// How a command ends whose node did not answer as it should.
///
/// # Errors
///
/// The error itself, where the command has failed.
pub(crate) fn failed(session: &Session<'_>, error: ParameterCallError) -> Result<Outcome, CommandError> {
    match error {
        ParameterCallError::Call(error) => unanswered(session.render, error),
        error => Err(error.into()),
    }
}

/// A value as JSON: numbers that JSON has no words for are texts, as in messages.
pub(crate) fn json(value: &ParameterValue) -> Value {
    let number = |number: &f64| match number {
        number if number.is_nan() => "NaN".into(),
        number if number.is_infinite() => if *number > 0.0 { "Infinity" } else { "-Infinity" }.into(),
        number => Value::from(*number),
    };
    match value {
        ParameterValue::NotSet => Value::Null,
        ParameterValue::Bool(value) => (*value).into(),
        ParameterValue::Integer(value) => (*value).into(),
        ParameterValue::Double(value) => number(value),
        ParameterValue::String(value) => value.as_str().into(),
        ParameterValue::ByteArray(list) => list.as_slice().into(),
        ParameterValue::BoolArray(list) => list.as_slice().into(),
        ParameterValue::IntegerArray(list) => list.as_slice().into(),
        ParameterValue::DoubleArray(list) => list.iter().map(number).collect(),
        ParameterValue::StringArray(list) => list.iter().map(String::as_str).collect(),
    }
}

/// Whether nobody has answered in time.
pub(crate) fn is_silence(error: &ParameterCallError) -> bool {
    matches!(error, ParameterCallError::Call(CallError::DeadlineExceeded { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_json_of_their_own_kind() {
        let cases = [
            (ParameterValue::NotSet, Value::Null),
            (vec![1_u8, 255].into(), json!([1, 255])),
            (i64::MAX.into(), json!(i64::MAX)),
            (
                vec![0.5, f64::NAN, f64::NEG_INFINITY].into(),
                json!([0.5, "NaN", "-Infinity"]),
            ),
            (vec!["a".to_owned()].into(), json!(["a"])),
        ];
        for (value, expected) in cases {
            assert_eq!(json(&value), expected);
        }
    }
}
