//! `context`: what is said once instead of on every command line; see [`Contexts`].

use std::path::{self, PathBuf};

use nuncio::Discovery;
use serde_json::Value;

use super::{CommandError, Outcome};
use crate::answers::key::ContextShown;
use crate::cli::{ContextCommand, GlobalArgs};
use crate::contexts::{Context, ContextName, Contexts};
use crate::render::{Render, Tone};

pub(super) fn run(global: &GlobalArgs, render: &Render, command: ContextCommand) -> Result<Outcome, CommandError> {
    let mut contexts = Contexts::open()?;
    match command {
        ContextCommand::List => return list(render, &contexts),
        ContextCommand::Show(args) => {
            let Some(name) = args.name.as_ref().or(contexts.current()) else {
                render.note("no context is in use; `nuncio context use NAME` chooses one");
                return Ok(Outcome::Nothing);
            };
            show(render, &contexts, name, contexts.get(name)?)?;
            return Ok(Outcome::Found);
        }
        ContextCommand::Set(args) => {
            contexts.set(args.name.clone(), given(global)?);
            if contexts.current() != Some(&args.name) {
                render.note(format!("`nuncio context use {}` uses it", args.name));
            }
        }
        ContextCommand::Use(args) => contexts.select(args.name)?,
        ContextCommand::Remove(args) => contexts.remove(&args.name)?,
    }
    contexts.store()?;
    Ok(Outcome::Found)
}

/// What the options of the command line say. Folders are kept as whole paths: the next command runs elsewhere.
fn given(global: &GlobalArgs) -> Result<Context, CommandError> {
    let whole = |dir: &Option<PathBuf>| dir.as_deref().map(path::absolute).transpose();
    Ok(Context {
        domain: global.domain_is_given.then(|| global.domain.clone()),
        connect: global.connect.clone(),
        listen: global.listen.clone(),
        discovery: global.discovery,
        tls: whole(&global.tls)?,
        trust_mode: global.trust_mode,
        keystore: whole(&global.keystore)?,
    })
}

fn list(render: &Render, contexts: &Contexts) -> Result<Outcome, CommandError> {
    let mut outcome = Outcome::Nothing;
    for (name, context) in contexts.iter() {
        outcome = Outcome::Found;
        match render.is_json() {
            true => render.answer(&shown(contexts, name, context))?,
            false => {
                let is_current = contexts.current() == Some(name);
                let mark = if is_current { '*' } else { ' ' };
                render.line(is_current.then_some(Tone::Strong), &format!("{mark} {name}"))?;
            }
        }
    }
    if outcome == Outcome::Nothing {
        render.note(format!("no contexts in {}", contexts.path().display()));
    }
    Ok(outcome)
}

fn show(render: &Render, contexts: &Contexts, name: &ContextName, context: &Context) -> Result<(), CommandError> {
    let shown = shown(contexts, name, context);
    if render.is_json() {
        return Ok(render.answer(&shown)?);
    }
    let json = serde_json::to_value(&shown)?;
    for (key, value) in json.as_object().into_iter().flatten() {
        let text = match value {
            Value::Null | Value::Bool(_) => continue,
            Value::String(text) => text.clone(),
            Value::Array(texts) if texts.is_empty() => continue,
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            other => other.to_string(),
        };
        render.line(None, &format!("{key:<11}{text}"))?;
    }
    Ok(())
}

fn shown<'a>(contexts: &Contexts, name: &ContextName, context: &'a Context) -> ContextShown<'a> {
    let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    ContextShown {
        context: name.to_string(),
        current: contexts.current() == Some(name),
        domain: context.domain.as_ref().map(ToString::to_string),
        connect: &context.connect,
        listen: &context.listen,
        discovery: context.discovery.map(Discovery::as_str),
        tls: text(&context.tls),
        trust_mode: context.trust_mode.map(|mode| mode.to_string()),
        keystore: text(&context.keystore),
    }
}
