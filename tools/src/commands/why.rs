//! `why`: why nothing arrives on a topic, as a list of causes.

use nuncio::OpenError;

use super::{CommandError, Outcome, in_a_runtime};
use crate::cli::{GlobalArgs, Why};
use crate::render::{OutputError, Render, Tone};
use crate::session::Session;
use crate::why::{Asked, Cause, Confidence, Facts, Kind, diagnose, gather, without_link};

pub(super) fn run(render: &Render, global: &GlobalArgs, args: Why) -> Result<Outcome, CommandError> {
    let asked = Asked {
        topic: args.topic,
        from: args.from,
        to: args.to,
    };
    let facts = in_a_runtime(async || look(render, global, asked).await)?;
    let causes = diagnose(&facts);
    causes.iter().try_for_each(|cause| tell(render, cause))?;
    Ok(outcome(&causes))
}

async fn look(render: &Render, global: &GlobalArgs, asked: Asked) -> Result<Facts, CommandError> {
    let mut session = match Session::open(global, render).await {
        Ok(session) => session,
        Err(CommandError::Failed(error)) => {
            return match error.downcast_ref::<OpenError>() {
                Some(OpenError::Link(problem)) => Ok(without_link(global, asked, problem).await),
                _ => Err(CommandError::Failed(error)),
            };
        }
        Err(error) => return Err(error),
    };
    let facts = gather(&mut session, global, asked).await;
    session.close().await;
    facts
}

/// The first cause says how it ends.
fn outcome(causes: &[Cause]) -> Outcome {
    match causes.first().map(|cause| cause.kind) {
        Some(Kind::Flows) => Outcome::Found,
        Some(kind) if !kind.is_absence() => Outcome::Refused,
        _ => Outcome::Nothing,
    }
}

fn tell(render: &Render, cause: &Cause) -> Result<(), OutputError> {
    if render.is_json() {
        return render.answer(&cause.answer());
    }
    if cause.kind == Kind::Flows {
        return render.line(Some(Tone::Strong), &cause.sentence);
    }
    let confidence = match cause.confidence {
        Confidence::Certain => "",
        Confidence::Likely => "likely: ",
        Confidence::Possible => "possible: ",
    };
    render.line(Some(Tone::Warning), &format!("{confidence}{}", cause.sentence))?;
    render.line(None, &format!("  what to do: {}", cause.remedy))
}
