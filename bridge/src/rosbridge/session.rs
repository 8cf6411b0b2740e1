//! One client's session: what it has advertised, subscribed to and offered, and what to do with each operation.

use std::time::Instant;

use serde_json::Value;

use super::RosbridgeOptions;
use super::calls::Calls;
use super::fragments::Fragments;
use super::frame_reading::{self, WRAPS_MAX};
use super::goals::Goals;
use super::offered_actions::OfferedActions;
use super::offered_services::OfferedServices;
use super::op::{Level, Op};
use super::outbox::{Gone, Outbox};
use super::publications::Publications;
use super::subscriptions::Subscriptions;
use crate::client::Client;

/// A client that was let in. Everything that it has begun ends with this.
pub(super) struct Session {
    client: Client,
    outbox: Outbox,
    max_message_len: usize,
    fragments: Fragments,
    publications: Publications,
    subscriptions: Subscriptions,
    calls: Calls,
    services: OfferedServices,
    goals: Goals,
    actions: OfferedActions,
}

impl Session {
    pub(super) fn new(client: Client, outbox: Outbox, options: &RosbridgeOptions) -> Self {
        let (of, to) = (|| client.clone(), || outbox.clone());
        Self {
            max_message_len: options.max_message_len,
            fragments: Fragments::new(options.max_message_len, options.fragment_timeout),
            publications: Publications::new(of()),
            subscriptions: Subscriptions::new(of(), to()),
            calls: Calls::new(of(), to(), options.call_timeout),
            services: OfferedServices::new(of(), to()),
            goals: Goals::new(of(), to()),
            actions: OfferedActions::new(of(), to()),
            client,
            outbox,
        }
    }

    /// Carries out what a client sends; one that goes wrong is told to that client.
    pub(super) async fn take(&mut self, message: Value) -> Result<(), Gone> {
        let mut message = message;
        for _ in 0..=WRAPS_MAX {
            let op = match Op::read(message) {
                Ok(op) => op,
                Err(error) => return self.refuse(&error.to_string(), error.id.as_ref()).await,
            };
            let unwrapped = match op {
                Op::Fragment(fragment) => {
                    let now = Instant::now();
                    self.fragments.forget_old(now);
                    match self.fragments.take(fragment, now) {
                        Ok(Some(text)) => frame_reading::read_text(&text),
                        Ok(None) => return Ok(()),
                        Err(error) => Err(error.to_string()),
                    }
                }
                Op::Png { data } => frame_reading::read_png(&data, self.max_message_len),
                op => return self.carry_out(op).await,
            };
            message = match unwrapped {
                Ok(unwrapped) => unwrapped,
                Err(problem) => return self.refuse(&problem, None).await,
            };
        }
        let problem =
            format!("a message may be wrapped {WRAPS_MAX} times, as png or fragments, this one is wrapped more often");
        self.refuse(&problem, None).await
    }

    async fn carry_out(&mut self, op: Op) -> Result<(), Gone> {
        let (id, done) = match op {
            Op::Advertise {
                topic,
                type_name,
                id,
                latch,
                queue_size,
            } => {
                let done = self
                    .publications
                    .advertise(&topic, &type_name, id.as_ref(), (latch, queue_size))
                    .await;
                (id, done)
            }
            Op::Unadvertise { topic, id } => {
                let done = self.publications.unadvertise(&topic, id.as_ref());
                (id, done)
            }
            Op::Publish { topic, msg, latch } => (None, self.publications.publish(&topic, msg, latch).await),
            Op::Subscribe {
                topic,
                type_name,
                id,
                terms,
            } => {
                let done = self
                    .subscriptions
                    .subscribe(&topic, type_name.as_deref(), id.as_ref(), terms);
                (id, done)
            }
            Op::Unsubscribe { topic, id } => {
                let done = self.subscriptions.unsubscribe(&topic, id.as_ref());
                (id, done)
            }
            Op::CallService {
                service,
                type_name,
                args,
                reply,
                timeout,
            } => return self.calls.call((service, type_name), args, reply, timeout).await,
            Op::ServiceResponse { id, values, is_success } => {
                let done = self.services.respond(id.as_ref(), values, is_success);
                (id, done)
            }
            Op::AdvertiseService { service, type_name } => (None, self.services.advertise(&service, &type_name)),
            Op::UnadvertiseService { service } => (None, self.services.unadvertise(&service)),
            Op::SendActionGoal {
                action,
                type_name,
                args,
                wants_feedback,
                reply,
            } => return self.goals.send((action, type_name), args, wants_feedback, reply).await,
            Op::CancelActionGoal { id } => {
                let done = self.goals.cancel(id.as_ref());
                (id, done)
            }
            Op::ActionFeedback { id, values } => {
                let done = self.actions.feedback(id.as_ref(), values);
                (id, done)
            }
            Op::ActionResult {
                id,
                values,
                status,
                is_success,
            } => {
                let done = self.actions.end(id.as_ref(), values, (status, is_success));
                (id, done)
            }
            Op::AdvertiseAction { action, type_name } => (None, self.actions.advertise(&action, &type_name)),
            Op::UnadvertiseAction { action } => (None, self.actions.unadvertise(&action)),
            Op::SetLevel(level) => {
                self.outbox.set_level(level);
                (None, Ok(()))
            }
            // A token that comes late changes nothing: roles are for the whole of a connection.
            Op::Status | Op::Auth { .. } | Op::Fragment(_) | Op::Png { .. } => (None, Ok(())),
        };
        match done {
            Ok(()) => Ok(()),
            Err(problem) => self.outbox.tell(Level::Error, &problem, id.as_ref()).await,
        }
    }

    /// Counts and tells what the border never saw.
    async fn refuse(&self, problem: &str, id: Option<&Value>) -> Result<(), Gone> {
        self.client.count_refused();
        self.outbox.tell(Level::Error, problem, id).await
    }
}
