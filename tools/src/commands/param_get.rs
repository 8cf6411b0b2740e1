//! `param get`, `param describe` and `param dump`: the values of parameters, and what they are for.

use nuncio::{ParameterClient, ParameterInfo, ParameterRange, ParameterType, ParameterValue};
use serde_json::{Map, Value};

use super::{CommandError, Outcome};
use crate::answers::parameter::{ParameterDescribed, ParameterGot, ParameterRangeDescribed, ParametersDumped};
use crate::cli::{ParamDescribe, ParamDump, ParamGet};
use crate::parameters_of::{client_of, failed, json as json_of, tell_unknown};
use crate::render::{OutputError, Render, Tone};
use crate::session::Session;

pub(super) async fn get(session: &mut Session<'_>, args: &ParamGet) -> Result<Outcome, CommandError> {
    let Some(client) = client_of(session, &args.node).await? else {
        return Ok(Outcome::Nothing);
    };
    let names = distinct(&args.names);
    let asking = async {
        let values = client.get(&names).await?;
        // Only the description tells one that has no value from one that is not there.
        let infos = client.describe(&names).await?;
        Ok((values, infos))
    };
    let (values, infos) = match session.render.progress("waiting for the node", asking).await {
        Ok(answered) => answered,
        Err(error) => return failed(session, error),
    };
    let mut outcome = Outcome::Found;
    for (value, info) in values.iter().zip(&infos) {
        if !is_declared(info) {
            tell_unknown(session, &client, &info.name).await;
            outcome = Outcome::Nothing;
        } else if session.render.is_json() {
            session.render.answer(&ParameterGot {
                node: client.of().as_str(),
                name: &info.name,
                value_type: value.value_type().to_string(),
                value: json_of(value),
            })?;
        } else if names.len() > 1 {
            session.render.line(None, &format!("{}: {value}", info.name))?;
        } else {
            session.render.lines(&shown(value, args.hide_type))?;
        }
    }
    Ok(outcome)
}

/// As ROS 2 says it; a text stands as it is.
fn shown(value: &ParameterValue, alone: bool) -> String {
    let text = match value {
        ParameterValue::String(text) => text.clone(),
        other => other.to_string(),
    };
    let intro = match value {
        ParameterValue::NotSet if alone => return String::new(),
        ParameterValue::NotSet => return "Parameter not set".to_owned(),
        ParameterValue::Bool(_) => "Boolean value is",
        ParameterValue::Integer(_) => "Integer value is",
        ParameterValue::Double(_) => "Double value is",
        ParameterValue::String(_) => "String value is",
        ParameterValue::ByteArray(_) => "Byte values are",
        ParameterValue::BoolArray(_) => "Boolean values are",
        ParameterValue::IntegerArray(_) => "Integer values are",
        ParameterValue::DoubleArray(_) => "Double values are",
        ParameterValue::StringArray(_) => "String values are",
    };
    match alone {
        true => text,
        false => format!("{intro}: {text}"),
    }
}

/// Each name once: a node refuses to be asked twice.
fn distinct(names: &[String]) -> Vec<&str> {
    let mut distinct: Vec<&str> = Vec::new();
    for name in names {
        if !distinct.contains(&name.as_str()) {
            distinct.push(name);
        }
    }
    distinct
}

/// A node answers for names that it does not know, too.
fn is_declared(info: &ParameterInfo) -> bool {
    info.value_type != ParameterType::NotSet || info.descriptor.dynamic_typing
}

pub(super) async fn describe(session: &mut Session<'_>, args: &ParamDescribe) -> Result<Outcome, CommandError> {
    let Some(client) = client_of(session, &args.node).await? else {
        return Ok(Outcome::Nothing);
    };
    let names = distinct(&args.names);
    let asking = session.render.progress("waiting for the node", client.describe(&names));
    let infos = match asking.await {
        Ok(infos) => infos,
        Err(error) => return failed(session, error),
    };
    let mut outcome = Outcome::Found;
    for info in &infos {
        if !is_declared(info) {
            tell_unknown(session, &client, &info.name).await;
            outcome = Outcome::Nothing;
        } else if session.render.is_json() {
            session.render.answer(&described(&client, info))?;
        } else {
            show(session.render, info)?;
        }
    }
    Ok(outcome)
}

fn described<'a>(client: &'a ParameterClient, info: &'a ParameterInfo) -> ParameterDescribed<'a> {
    let descriptor = &info.descriptor;
    let range = descriptor.range.map(|range| match range {
        ParameterRange::Integer { from, to, step } => ParameterRangeDescribed::Integer { from, to, step },
        ParameterRange::Double { from, to, step } => ParameterRangeDescribed::Double { from, to, step },
    });
    ParameterDescribed {
        node: client.of().as_str(),
        name: &info.name,
        value_type: info.value_type.to_string(),
        description: &descriptor.description,
        additional_constraints: &descriptor.additional_constraints,
        read_only: descriptor.read_only,
        dynamic_typing: descriptor.dynamic_typing,
        range,
    }
}

/// As ROS 2 prints it.
fn show(render: &Render, info: &ParameterInfo) -> Result<(), OutputError> {
    let descriptor = &info.descriptor;
    render.line(Some(Tone::Strong), &format!("Parameter name: {}", info.name))?;
    render.line(None, &format!("  Type: {}", info.value_type))?;
    if !descriptor.description.is_empty() {
        render.line(None, &format!("  Description: {}", descriptor.description))?;
    }
    let mut constraints = Vec::new();
    if descriptor.read_only {
        constraints.push("Read only: true".to_owned());
    }
    if descriptor.dynamic_typing {
        constraints.push("Dynamic typing: true".to_owned());
    }
    match descriptor.range {
        None => {}
        Some(ParameterRange::Integer { from, to, step }) => {
            constraints.extend([format!("Min value: {from}"), format!("Max value: {to}")]);
            constraints.extend((step != 0).then(|| format!("Step: {step}")));
        }
        Some(ParameterRange::Double { from, to, step }) => {
            constraints.extend([format!("Min value: {from:?}"), format!("Max value: {to:?}")]);
            constraints.extend((step != 0.0).then(|| format!("Step: {step:?}")));
        }
    }
    if !descriptor.additional_constraints.is_empty() {
        constraints.push(format!("Additional constraints: {}", descriptor.additional_constraints));
    }
    if constraints.is_empty() {
        return Ok(());
    }
    render.line(None, "  Constraints:")?;
    constraints
        .iter()
        .try_for_each(|constraint| render.line(None, &format!("    {constraint}")))
}

pub(super) async fn dump(session: &mut Session<'_>, args: &ParamDump) -> Result<Outcome, CommandError> {
    let Some(client) = client_of(session, &args.node).await? else {
        return Ok(Outcome::Nothing);
    };
    let render = session.render;
    if !render.is_json() {
        return match render.progress("waiting for the node", client.dump()).await {
            Ok(yaml) => {
                render.lines(&yaml)?;
                Ok(Outcome::Found)
            }
            Err(error) => failed(session, error),
        };
    }
    match render.progress("waiting for the node", client.values()).await {
        Ok(values) => {
            let values: Map<String, Value> = values
                .iter()
                .map(|(name, value)| (name.clone(), json_of(value)))
                .collect();
            render.answer(&ParametersDumped {
                node: client.of().as_str(),
                parameters: values,
            })?;
            Ok(Outcome::Found)
        }
        Err(error) => failed(session, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_as_ros_2_does_and_alone_for_scripts() {
        assert_eq!(shown(&0.5.into(), false), "Double value is: 0.5");
        assert_eq!(shown(&"left arm".into(), false), "String value is: left arm");
        assert_eq!(shown(&"left arm".into(), true), "left arm");
        assert_eq!(shown(&vec![1_i64, 2].into(), true), "[1, 2]");
        assert_eq!(shown(&ParameterValue::NotSet, false), "Parameter not set");
    }
}
