//! Services that a client serves: Nuncio's nodes call them, and the client answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};

use super::op::Level;
use super::outbox::Outbox;
use super::{inbound, server_op};
use crate::bridge_type::Body;
use crate::client::Client;
use crate::service_ends::{OfferedRequest, OfferedService};

/// How many requests of one service wait for the client's answers at a time.
const REQUESTS_MAX: usize = 64;

/// How long the client may take to answer, where the caller waits so long.
const ANSWER_PATIENCE: Duration = Duration::from_secs(600);

/// What a client says to a request: values, and whether the call has succeeded.
type Answer = (Value, bool);

/// The requests that the client has not answered, by the ids that it got them with.
type Unanswered = Arc<Mutex<HashMap<String, oneshot::Sender<Answer>>>>;

pub(super) struct OfferedServices {
    client: Client,
    outbox: Outbox,
    services: HashMap<String, Serving>,
    unanswered: Unanswered,
}

/// Ends the service when it is dropped.
struct Serving(AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl OfferedServices {
    pub(super) fn new(client: Client, outbox: Outbox) -> Self {
        Self {
            client,
            outbox,
            services: HashMap::new(),
            unanswered: Arc::default(),
        }
    }

    pub(super) fn advertise(&mut self, service: &str, type_name: &str) -> Result<(), String> {
        let library = self.client.border().library();
        let ty = library.service(type_name).map_err(|error| error.to_string())?;
        // One that is advertised anew replaces what was there.
        self.services.remove(service);
        let offered = self
            .client
            .offer_service(service, &ty)
            .map_err(|error| error.to_string())?;
        let desk = Desk {
            service: service.to_owned(),
            outbox: self.outbox.clone(),
            unanswered: Arc::clone(&self.unanswered),
        };
        let task = tokio::spawn(serve(offered, desk));
        self.services.insert(service.to_owned(), Serving(task.abort_handle()));
        Ok(())
    }

    pub(super) fn unadvertise(&mut self, service: &str) -> Result<(), String> {
        match self.services.remove(service) {
            Some(_) => Ok(()),
            None => Err(format!("this client does not serve {service}")),
        }
    }

    /// The client has answered a request.
    pub(super) fn respond(&self, id: Option<&Value>, values: Value, is_success: bool) -> Result<(), String> {
        let id = id.and_then(Value::as_str).unwrap_or_default();
        let waiting = lock(&self.unanswered).remove(id);
        let waiting = waiting.ok_or("a response to a request that nobody waits for any more was left aside")?;
        // Whoever has gone in between needs no answer.
        let _ = waiting.send((values, is_success));
        Ok(())
    }
}

fn lock(unanswered: &Unanswered) -> std::sync::MutexGuard<'_, HashMap<String, oneshot::Sender<Answer>>> {
    unanswered.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the requests of one service need.
#[derive(Clone)]
struct Desk {
    service: String,
    outbox: Outbox,
    unanswered: Unanswered,
}

async fn serve(offered: OfferedService, desk: Desk) {
    let mut requests = JoinSet::new();
    while let Some(request) = offered.recv().await {
        while requests.len() >= REQUESTS_MAX && requests.join_next().await.is_some() {}
        while requests.try_join_next().is_some() {}
        requests.spawn(desk.clone().answer(request));
    }
}

impl Desk {
    async fn answer(self, request: OfferedRequest) {
        let ty = Arc::clone(request.ty());
        let mut args = String::new();
        if let Err(error) = ty.request().codec().write_web_json(request.payload(), &mut args) {
            return request.fail(&error.to_string());
        }
        let id = format!("service_request:{}:{}", self.service, self.outbox.number());
        let (answer, answered) = oneshot::channel();
        lock(&self.unanswered).insert(id.clone(), answer);
        let asked = server_op::call_service(&self.service, &id, &args);
        let answered = async {
            self.outbox.send_text(asked.into(), None).await.ok()?;
            answered.await.ok()
        };
        let answered = tokio::select! {
            answered = answered => answered,
            () = request.cancelled() => None,
            () = tokio::time::sleep(ANSWER_PATIENCE) => None,
        };
        lock(&self.unanswered).remove(&id);
        match answered {
            None => request.fail("the client that serves this has not answered"),
            Some((values, false)) => request.fail(&format!(
                "the client that serves this says that it has failed: {values}"
            )),
            Some((values, true)) => {
                let mut values = if values.is_null() {
                    Value::Object(Map::new())
                } else {
                    values
                };
                inbound::prepare(ty.response().codec().description(), &mut values);
                if let Err(error) = request.respond(Body::Json(&values)) {
                    let problem = format!("the response of {}: {error}", self.service);
                    // Whoever is gone is not told.
                    let _ = self.outbox.tell(Level::Error, &problem, Some(&Value::from(id))).await;
                }
            }
        }
    }
}
