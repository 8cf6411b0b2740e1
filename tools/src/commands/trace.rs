//! `trace`: the chain of messages that led to one, each link checked. What does not hold is named and never shown.

use std::collections::BTreeSet;
use std::time::Duration;

use nuncio::msgs::nuncio_msgs::msg::Approval;
use nuncio::run_time_type::DecodeError;
use nuncio::{Found, Reason, RoleName, TraceApproval, TraceLink, TraceStep, VerifiedMessage};

use super::{CommandError, Outcome};
use crate::answers::diagnosis::{TraceApproved, TraceLine};
use crate::answers::message::MessageText;
use crate::catalog::Catalog;
use crate::cli::Trace;
use crate::known_types::KnownTypes;
use crate::render::{OutputError, Render, Table, Tone, short_key, utc};
use crate::session::Session;

/// How long to look for the frames unless `--timeout` says otherwise.
const LOOK_FOR_FRAMES: Duration = Duration::from_secs(5);

/// How much of a message is shown on its line, in characters.
const CHARS_SHOWN: usize = 100;

pub(super) async fn run(session: &mut Session<'_>, args: Trace) -> Result<Outcome, CommandError> {
    let mut types = KnownTypes::new(Catalog::open(&session.interfaces)?);
    let (render, node) = (session.render, session.node.clone());
    let timeout = session.timeout.unwrap_or(LOOK_FOR_FRAMES);
    let graph = session.graph().await;
    let work = async {
        let trace = match args.effects {
            true => node.trace_with_effects(args.id, timeout).await,
            false => node.trace(args.id, timeout).await,
        };
        let mut lines = Vec::with_capacity(trace.steps.len());
        for step in &trace.steps {
            lines.push(Line {
                step,
                told: tell(render, &mut types, &node, step).await,
            });
        }
        print(render, &lines)?;
        for refusal in &trace.refusals {
            render.warning(format!("refused, {refusal}; {}", refusal.reason.remedy()));
        }
        if trace.incomplete {
            render.warning("the chain goes on: time, or the bound of what is followed, ended the trace");
        }
        let asked_is_missing = trace.asked().is_none_or(|step| matches!(step.found, Found::Missing));
        let holds = |line: &Line<'_>| matches!(line.told, Told::Message(..));
        Ok(match asked_is_missing {
            true => Outcome::Nothing,
            false if trace.is_whole() && lines.iter().all(holds) => Outcome::Found,
            false => Outcome::Refused,
        })
    };
    let ended = tokio::select! {
        ended = render.progress("asking for the frames", work) => ended,
        () = session.interrupt.wished() => Ok(Outcome::Nothing),
    };
    if matches!(ended, Ok(Outcome::Nothing)) {
        session.explain_nothing(&graph).await;
    }
    ended
}

/// One message of the chain, with what is told of it.
struct Line<'a> {
    step: &'a TraceStep,
    told: Told<'a>,
}

/// What is told of a message.
enum Told<'a> {
    /// It holds. Its values as JSON, unless its type is not to be had.
    Message(&'a VerifiedMessage, Option<String>),
    Missing,
    Refused(Reason, String),
}

async fn tell<'a>(render: &Render, types: &mut KnownTypes, node: &nuncio::Node, step: &'a TraceStep) -> Told<'a> {
    let message = match &step.found {
        Found::Verified(message) => message,
        Found::Missing => return Told::Missing,
        Found::Refused(refusal) => return Told::Refused(refusal.reason, refusal.detail.to_string()),
    };
    let codec = match types.of(node, message).await {
        Ok(codec) => codec,
        Err(error) => {
            render.note(format!("{} holds, but cannot be read: {error}", step.id));
            return Told::Message(message, None);
        }
    };
    let mut values = String::new();
    let checked = codec.check(message.payload());
    match checked.and_then(|()| codec.write_json(message.payload(), &mut values)) {
        Ok(()) => Told::Message(message, Some(values)),
        Err(DecodeError::Limit(violation)) => Told::Refused(Reason::LimitViolated, violation.to_string()),
        Err(error) => Told::Refused(Reason::DecodeFailed, error.to_string()),
    }
}

fn print(render: &Render, lines: &[Line<'_>]) -> Result<(), OutputError> {
    if render.is_json() {
        return lines.iter().try_for_each(|line| line.answer(render));
    }
    let mut table = Table::new(["TIME", "TOPIC", "TYPE", "NODE", "SIGNER", "VERDICT", "ID", "MESSAGE"]);
    lines.iter().for_each(|line| table.row(line.cells()));
    let mut rows = table.lines(0).into_iter();
    if let Some(headings) = rows.next() {
        render.line(Some(Tone::Quiet), &headings)?;
    }
    lines.iter().zip(rows).try_for_each(|(line, row)| {
        let tone = match line.told {
            Told::Message(..) => None,
            Told::Missing | Told::Refused(..) => Some(Tone::Warning),
        };
        render.line(tone, &row)?;
        line.step.approvals.iter().try_for_each(|said| {
            let tone = if said.approves() { None } else { Some(Tone::Warning) };
            render.line(tone, &format!("  {}", approval_text(said)))
        })?;
        line.step.lacking().iter().try_for_each(|role| {
            let text = format!("  lacks the approval of a holder of the role {role}");
            render.line(Some(Tone::Warning), &text)
        })
    })
}

/// What a second signer has said, in one line.
fn approval_text(said: &TraceApproval) -> String {
    let frame = said.message.frame();
    let decision = decision(said);
    let counts = match &said.roles {
        Ok(roles) if roles.is_empty() => "which no rule here asks for".to_owned(),
        Ok(roles) => format!("as {}", joined(roles)),
        Err(refusal) => format!("which does not count: {}", refusal.detail),
    };
    let text = match said.approval.text.as_str() {
        "" => String::new(),
        text => format!(": {text:?}"),
    };
    format!(
        "{decision} by {} of {}, {counts}{text}",
        short_key(&frame.signer()),
        frame.node()
    )
}

fn decision(said: &TraceApproval) -> &'static str {
    match said.approval.decision {
        Approval::DECISION_APPROVED => "approved",
        _ => "rejected",
    }
}

fn approval(said: &TraceApproval) -> TraceApproved<'_> {
    let frame = said.message.frame();
    let (roles, why) = match &said.roles {
        Ok(roles) => (roles.iter().map(RoleName::as_str).collect(), None),
        Err(refusal) => (Vec::new(), Some(&*refusal.detail)),
    };
    TraceApproved {
        id: said.message.id().to_string(),
        signer: frame.signer().to_string(),
        node: frame.node().as_str(),
        decision: decision(said),
        text: &said.approval.text,
        roles,
        counts: said.roles.as_ref().is_ok_and(|roles| !roles.is_empty()),
        detail: why,
    }
}

fn joined(roles: &BTreeSet<RoleName>) -> String {
    roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", ")
}

impl Line<'_> {
    fn cells(&self) -> [String; 8] {
        let id = self.step.id.to_string();
        let without = |verdict: &str, why: String| {
            let nothing = || "-".to_owned();
            let [time, topic, of_type, node, signer] = std::array::from_fn(|_| nothing());
            [time, topic, of_type, node, signer, verdict.to_owned(), id.clone(), why]
        };
        match &self.told {
            Told::Message(message, values) => {
                let frame = message.frame();
                [
                    utc(message.source_time_ns()),
                    frame.topic().to_string(),
                    frame.type_name().to_owned(),
                    frame.node().to_string(),
                    short_key(&frame.signer()),
                    match &self.step.permit {
                        Some(permit) if !permit.roles.is_empty() => {
                            format!("{} as {}", frame.verdict().as_str(), joined(&permit.roles))
                        }
                        _ => frame.verdict().as_str().to_owned(),
                    },
                    id,
                    shortened(values.as_deref().unwrap_or("(its type is not to be had)")),
                ]
            }
            Told::Missing => without(
                "missing",
                "nobody shows it: its publisher is gone, or has sent much since".to_owned(),
            ),
            Told::Refused(reason, detail) => without("refused", format!("{reason}: {detail}")),
        }
    }

    fn answer(&self, render: &Render) -> Result<(), OutputError> {
        let (message, status, refusal) = match &self.told {
            Told::Message(message, _) => (Some(message), "verified", None),
            Told::Missing => (None, "missing", None),
            Told::Refused(reason, detail) => (None, "refused", Some((reason, detail))),
        };
        let frame = message.map(|message| message.frame());
        let permit = self.step.permit.as_ref();
        let lacking = self.step.lacking();
        let step = TraceLine {
            id: self.step.id.to_string(),
            cause: message
                .and_then(|message| message.cause())
                .map(|cause| cause.to_string()),
            link: match self.step.link {
                TraceLink::Asked => "asked",
                TraceLink::CauseOf(_) => "cause",
                TraceLink::EffectOf(_) => "effect",
            },
            topic: frame.map(|frame| frame.topic().as_str()),
            type_name: frame.map(|frame| frame.type_name()),
            node: frame.map(|frame| frame.node().as_str()),
            signer: frame.map(|frame| frame.signer().to_string()),
            number: message.map(|message| message.number()),
            source_time_ns: message.map(|message| message.source_time_ns()),
            verdict: frame.map(|frame| frame.verdict().as_str()),
            roles: permit.map(|permit| permit.roles.iter().map(RoleName::as_str).collect()),
            approvals: self.step.approvals.iter().map(approval).collect(),
            lacking: lacking.iter().map(|role| role.as_str()).collect(),
            status,
            reason: refusal.map(|(reason, _)| reason.to_string()),
            detail: refusal.map(|(_, detail)| detail.as_str()),
            msg: Some(MessageText),
        };
        let values = match &self.told {
            Told::Message(_, Some(values)) => values,
            _ => "null",
        };
        render.answer_with(&step, values)
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(CHARS_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        assert_eq!(shortened("größer"), "größer");
        let cut = shortened(&"ö".repeat(CHARS_SHOWN + 1));
        assert_eq!(cut, format!("{}…", "ö".repeat(CHARS_SHOWN)));
    }
}
