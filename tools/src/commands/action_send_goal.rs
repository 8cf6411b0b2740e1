//! `action send_goal`: one goal from YAML or JSON, its feedback and its verified result. Ctrl-C has it canceled.

use std::time::Duration;

use nuncio::graph::{Endpoint, GraphAction};
use nuncio::msgs::nuncio_msgs::msg::CardService;
use nuncio::run_time_type::RunTimeType;
use nuncio::{
    ActionClientOptions, ActionSupport, CallError, GenericActionClient, GenericFeedback, GenericGoalOutcome,
    GenericGoalRun, GoalResultError, GoalState, SendGoalError, TypeHash, clock,
};

use super::{CommandError, Outcome, unanswered};
use crate::answers::called::{GoalAccepted, GoalFacts, GoalFeedback, GoalResult};
use crate::answers::message::MessageText;
use crate::catalog::{Catalog, is_named};
use crate::cli::ActionSendGoal;
use crate::interrupt::Interrupt;
use crate::render::{OutputError, Render, Tone, block};
use crate::session::Session;
use crate::signed_by;
use crate::values;

/// How long a goal that is being canceled may take to end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than any goal, shorter than what timers cannot count.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

pub(super) async fn run(session: &mut Session<'_>, args: ActionSendGoal) -> Result<Outcome, CommandError> {
    let (type_name, values) = values::type_and_values(&args.goal);
    let graph = session.graph().await;
    let action = graph.actions().remove(&args.action).unwrap_or_default();
    let wanted = |name: &str| type_name.is_none_or(|asked| is_named(name, asked));
    let Some((server, found)) = server_of(&action, wanted) else {
        match (action.types().first(), type_name) {
            (Some((other, _)), Some(asked)) if !action.servers.is_empty() => session
                .render
                .warning(format!("{} is of type {other}, not {asked}", args.action)),
            _ => session.render.note(format!("nobody serves {}", args.action)),
        }
        session.explain_nothing(&graph).await;
        return Ok(Outcome::Nothing);
    };
    let support = support_of(session, server, &found).await?;
    let goal = values::payload(&support.goal().run_time_type()?, values, clock::now_ns())?;
    let options = ActionClientOptions {
        server_role: args.expect.clone(),
        result_deadline: session.timeout.unwrap_or(FOREVER),
        ..ActionClientOptions::default()
    };
    let client = session
        .node
        .generic_action_client(args.action.as_str(), &support, options)?;
    let sending = session
        .render
        .progress("waiting for the server", client.send_goal(&goal));
    let sent = tokio::select! {
        sent = sending => sent,
        () = session.interrupt.wished() => {
            session.render.warning("the server was not waited for; whether it pursues the goal is not known");
            return Ok(Outcome::Unsuccessful);
        }
    };
    match sent {
        Ok(run) => {
            let sent = Sent {
                render: session.render,
                result: support.result().run_time_type()?,
                feedback: args.feedback.then(|| support.feedback().run_time_type()).transpose()?,
                client,
                run,
            };
            sent.follow(&mut session.interrupt).await
        }
        Err(SendGoalError::Call(error)) => unanswered(session.render, error),
        Err(error) => Err(error.into()),
    }
}

/// A server of an action whose type is wanted, and the name of that.
pub(super) fn server_of(
    action: &GraphAction,
    wanted: impl Fn(&str) -> bool,
) -> Option<(&Endpoint<CardService>, String)> {
    let named = action.types();
    action.servers.iter().find_map(|server| {
        let hash = TypeHash::from_bytes(server.facts.type_hash);
        let mut types = named.iter().filter(|(name, of)| *of == hash && wanted(name));
        types.next().map(|(name, _)| (server, name.clone()))
    })
}

/// The server's type: from the catalog when the hash is equal, else asked of the server.
pub(super) async fn support_of(
    session: &Session<'_>,
    Endpoint { node, facts }: &Endpoint<CardService>,
    type_name: &str,
) -> Result<ActionSupport, CommandError> {
    let hash = TypeHash::from_bytes(facts.type_hash);
    let catalog = Catalog::open(&session.interfaces)?;
    let known = catalog.find(type_name).ok();
    let known = known.and_then(|name| ActionSupport::from_definition(catalog.support(name).ok()?.definition()).ok());
    if let Some(known) = known.filter(|known| known.send_goal().type_hash() == hash) {
        return Ok(known);
    }
    let fetching = session.node.fetch_action_type(node.key, type_name, &hash);
    Ok(session.render.progress("asking for the type", fetching).await?)
}

/// A goal that was accepted.
struct Sent<'a> {
    render: &'a Render,
    client: GenericActionClient,
    run: GenericGoalRun,
    result: RunTimeType,
    /// Where feedback is to be shown.
    feedback: Option<RunTimeType>,
}

/// What came of a goal.
type Ended = Result<GenericGoalOutcome, GoalResultError>;

impl Sent<'_> {
    async fn follow(&self, interrupt: &mut Interrupt) -> Result<Outcome, CommandError> {
        self.tell_accepted()?;
        let deadline = self.client.options().result_deadline;
        let ended = match self.until_end(interrupt, deadline).await? {
            Some(ended) => ended,
            None => match self.cancel(interrupt).await? {
                Some(ended) => ended,
                None => return Ok(Outcome::Unsuccessful),
            },
        };
        match ended {
            Ok(outcome) => {
                self.print_rest().await?;
                self.print_result(&outcome)?;
                Ok(match outcome.state {
                    GoalState::Succeeded => Outcome::Found,
                    _ => Outcome::Unsuccessful,
                })
            }
            Err(GoalResultError::Call(CallError::DeadlineExceeded { waited, .. })) => {
                self.render.warning(format!(
                    "no result within {} s; the goal goes on, `nuncio action cancel {} {}` cancels it",
                    waited.as_secs_f64(),
                    self.client.name(),
                    self.run.goal_id()
                ));
                Ok(Outcome::Nothing)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the result, and shows feedback meanwhile; `None` at Ctrl-C.
    async fn until_end(&self, interrupt: &mut Interrupt, deadline: Duration) -> Result<Option<Ended>, CommandError> {
        let result = self
            .render
            .progress("waiting for the result", self.run.result_within(deadline));
        let feedback = async {
            while let Ok(feedback) = self.run.feedback().await {
                self.print_feedback(&feedback)?;
            }
            std::future::pending().await
        };
        tokio::select! {
            ended = result => Ok(Some(ended)),
            failed = feedback => failed,
            () = interrupt.wished() => Ok(None),
        }
    }

    /// Has the goal canceled and waits for its end; `None` when a person has had enough of that, too.
    async fn cancel(&self, interrupt: &mut Interrupt) -> Result<Option<Ended>, CommandError> {
        let id = self.run.goal_id();
        self.render
            .note(format!("canceling the goal {id}; Ctrl-C again ends at once"));
        let canceled = tokio::select! {
            canceled = self.run.cancel() => canceled,
            () = interrupt.wished() => return Ok(None),
        };
        if let Err(error) = canceled {
            self.render.warning(format!("the goal was not canceled: {error}"));
        }
        self.until_end(interrupt, CANCEL_TIMEOUT).await
    }

    /// The feedback that came before the result, or is still on its way.
    async fn print_rest(&self) -> Result<(), CommandError> {
        if self.feedback.is_none() {
            return Ok(());
        }
        while let Ok(feedback) = self.run.feedback().await {
            self.print_feedback(&feedback)?;
        }
        Ok(())
    }

    fn tell_accepted(&self) -> Result<(), OutputError> {
        let (id, server) = (self.run.goal_id(), self.run.server());
        if self.render.is_json() {
            self.render.answer(&GoalAccepted {
                goal: self.facts("accepted"),
                node: server.as_str(),
            })?;
        } else {
            let head = format!("# goal {id}, accepted by {server}");
            self.render.line(Some(Tone::Quiet), &head)?;
        }
        self.render.flush()
    }

    fn print_feedback(&self, feedback: &GenericFeedback) -> Result<(), CommandError> {
        let Some(codec) = &self.feedback else { return Ok(()) };
        if let Err(error) = codec.check(feedback.payload()) {
            self.render
                .warning(format!("feedback that is none of its type was refused: {error}"));
            return Ok(());
        }
        if self.render.is_json() {
            let answer = GoalFeedback {
                goal: self.facts("feedback"),
                signed: signed_by::answer(&feedback.info),
                feedback: MessageText,
            };
            self.render.answer_with(&answer, &json_of(codec, feedback.payload())?)?;
        } else {
            let head = format!("# feedback of {}", signed_by::line(&feedback.info));
            self.show(&head, codec, feedback.payload())?;
            self.render.line(Some(Tone::Quiet), "---")?;
        }
        Ok(self.render.flush()?)
    }

    fn print_result(&self, outcome: &GenericGoalOutcome) -> Result<(), CommandError> {
        self.result.check(outcome.payload())?;
        if !self.render.is_json() {
            let head = format!("# {}, says {}", outcome.state, signed_by::line(&outcome.info));
            return self.show(&head, &self.result, outcome.payload());
        }
        let answer = GoalResult {
            goal: self.facts("result"),
            state: outcome.state.as_str(),
            signed: signed_by::answer(&outcome.info),
            result: MessageText,
        };
        let json = json_of(&self.result, outcome.payload())?;
        Ok(self.render.answer_with(&answer, &json)?)
    }

    /// What is told of the goal in JSON, whatever is told.
    fn facts(&self, event: &'static str) -> GoalFacts<'_> {
        GoalFacts {
            action: self.client.name().as_str(),
            type_name: self.client.type_name(),
            goal_id: self.run.goal_id().to_string(),
            event,
        }
    }

    fn show(&self, head: &str, codec: &RunTimeType, payload: &[u8]) -> Result<(), CommandError> {
        self.render.line(Some(Tone::Quiet), head)?;
        self.render
            .lines(&block(&codec.to_json(payload)?, None, &|_, _| None))?;
        Ok(())
    }
}

fn json_of(codec: &RunTimeType, payload: &[u8]) -> Result<String, CommandError> {
    let mut json = String::new();
    codec.write_json(payload, &mut json)?;
    Ok(json)
}
