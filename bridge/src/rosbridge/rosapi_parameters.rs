//! Parameters, for rosapi: named `/node:parameter`, their values as JSON texts.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use nuncio::{ParameterClient, ParameterValue};
use serde_json::{Value, json};

use crate::client::Client;

/// What the service that lists a node's parameters is called.
const LIST: &str = "/list_parameters";

/// How long a node may take to be found or to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Of how many nodes parameters are listed.
const NODES_MAX: usize = 256;

/// A parameter of a node that answers.
async fn open<'a>(client: &Client, name: &'a str, sets: bool) -> Result<(ParameterClient, &'a str), String> {
    let Some((node, parameter)) = name.rsplit_once(':').filter(|(node, _)| !node.is_empty()) else {
        return Err(format!("expected a parameter such as /node:name, found {name:?}"));
    };
    let node = node.trim_end_matches('/');
    let of = client.parameters_of(node, sets).map_err(|error| error.to_string())?;
    match of.wait_for_node(PATIENCE).await {
        true => Ok((of, parameter)),
        false => Err(format!("no node {node} serves parameters")),
    }
}

async fn value_of(client: &Client, name: &str) -> Result<ParameterValue, String> {
    let (of, parameter) = open(client, name, false).await?;
    let values = of.get(&[parameter]).await.map_err(|error| error.to_string())?;
    Ok(values.into_iter().next().unwrap_or_default())
}

pub(super) async fn get(client: &Client, name: &str, otherwise: Option<&Value>) -> Result<Value, String> {
    let otherwise = || match otherwise {
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    };
    let found = value_of(client, name).await;
    let answer = match found {
        Ok(ParameterValue::NotSet) => {
            json!({"value": or_null(otherwise()), "successful": false, "reason": format!("there is no parameter {name}")})
        }
        Ok(value) => json!({"value": json_of(&value).to_string(), "successful": true, "reason": ""}),
        Err(problem) if otherwise().is_empty() => return Err(problem),
        Err(problem) => json!({"value": otherwise(), "successful": false, "reason": problem}),
    };
    Ok(answer)
}

/// Clients read the value as JSON, which the empty text is not.
fn or_null(text: String) -> String {
    if text.is_empty() { "null".to_owned() } else { text }
}

pub(super) async fn set(client: &Client, name: &str, value: Option<&Value>) -> Result<Value, String> {
    let value = match value {
        // A text that is no JSON is a text.
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())),
        Some(value) => value.clone(),
        None => return Err("expected `value`, a JSON text, found none".to_owned()),
    };
    let value =
        value_from(&value).ok_or_else(|| format!("no parameter can hold {value}; lists hold values of one type"))?;
    change(client, name, value).await
}

pub(super) async fn delete(client: &Client, name: &str) -> Result<Value, String> {
    change(client, name, ParameterValue::NotSet).await
}

async fn change(client: &Client, name: &str, value: ParameterValue) -> Result<Value, String> {
    let (of, parameter) = open(client, name, true).await?;
    let changes = of.fitted(vec![(parameter.to_owned(), value)]).await;
    let changed = of.set(&changes.map_err(|error| error.to_string())?).await;
    match changed.map_err(|error| error.to_string())?.into_iter().next() {
        Some(Err(reason)) => Err(format!("{name} stays as it is: {reason}")),
        Some(Ok(())) | None => Ok(json!({"successful": true, "reason": ""})),
    }
}

pub(super) async fn has(client: &Client, name: &str) -> bool {
    value_of(client, name)
        .await
        .is_ok_and(|value| value != ParameterValue::NotSet)
}

/// The names of all parameters of all nodes that the client may ask.
pub(super) async fn names(client: &Client) -> Vec<String> {
    let services = client.services().into_iter();
    let nodes: BTreeSet<String> = services
        .filter(|offer| !offer.graph.servers.is_empty())
        .filter_map(|offer| Some(offer.name.strip_suffix(LIST)?.to_owned()))
        .take(NODES_MAX)
        .collect();
    let listed = nodes.iter().map(async |node| {
        let of = client.parameters_of(node, false).ok()?;
        let listing = async {
            of.wait_for_node(PATIENCE).await;
            of.list(&[], 0).await
        };
        let names = tokio::time::timeout(PATIENCE, listing).await.ok()?.ok()?.names;
        Some(
            names
                .into_iter()
                .map(|name| format!("{node}:{name}"))
                .collect::<Vec<_>>(),
        )
    });
    let mut names: Vec<String> = join_all(listed).await.into_iter().flatten().flatten().collect();
    names.sort();
    names
}

fn json_of(value: &ParameterValue) -> Value {
    match value {
        ParameterValue::NotSet => Value::Null,
        ParameterValue::Bool(value) => json!(value),
        ParameterValue::Integer(value) => json!(value),
        ParameterValue::Double(value) => json!(value),
        ParameterValue::String(value) => json!(value),
        ParameterValue::ByteArray(list) => json!(list),
        ParameterValue::BoolArray(list) => json!(list),
        ParameterValue::IntegerArray(list) => json!(list),
        ParameterValue::DoubleArray(list) => json!(list),
        ParameterValue::StringArray(list) => json!(list),
    }
}

/// The parameter that a JSON value means; `None` when none can hold it.
fn value_from(value: &Value) -> Option<ParameterValue> {
    let found = match value {
        Value::Null => ParameterValue::NotSet,
        Value::Bool(value) => ParameterValue::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => ParameterValue::Integer(integer),
            None => ParameterValue::Double(number.as_f64()?),
        },
        Value::String(text) => ParameterValue::String(text.clone()),
        Value::Array(list) => match list.first() {
            None | Some(Value::String(_)) => ParameterValue::StringArray(all(list, |v| v.as_str().map(str::to_owned))?),
            Some(Value::Bool(_)) => ParameterValue::BoolArray(all(list, Value::as_bool)?),
            Some(Value::Number(_)) => match all(list, Value::as_i64) {
                Some(integers) => ParameterValue::IntegerArray(integers),
                None => ParameterValue::DoubleArray(all(list, Value::as_f64)?),
            },
            Some(Value::Null | Value::Array(_) | Value::Object(_)) => return None,
        },
        Value::Object(_) => return None,
    };
    Some(found)
}

fn all<T>(list: &[Value], read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    list.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_their_json_looks_like() {
        for json in [
            json!(null),
            json!(true),
            json!(-3),
            json!(1.5),
            json!("a"),
            json!([true]),
            json!([1, 2]),
            json!([1.5, 2.0]),
        ] {
            assert_eq!(value_from(&json).map(|value| json_of(&value)), Some(json));
        }
        assert_eq!(
            value_from(&json!([1, 2.5])),
            Some(ParameterValue::DoubleArray(vec![1.0, 2.5]))
        );
        for json in [json!({}), json!([1, "a"]), json!([[1]])] {
            assert_eq!(value_from(&json), None);
        }
    }
}
