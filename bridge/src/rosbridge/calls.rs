//! Services that a client calls: those of Nuncio's nodes, and the bridge's own below `/rosapi`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::op::Reply;
use super::outbox::{Gone, Outbox};
use super::publications::same_name;
use super::{inbound, rosapi, server_op};
use crate::bridge_type::Body;
use crate::client::Client;

/// How many calls of a client may be under way at a time.
const CALLS_MAX: usize = 64;

/// The longest that a client may wait for a response, whatever it says.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

pub(super) struct Calls {
    client: Client,
    outbox: Outbox,
    timeout: Duration,
    places: Arc<Semaphore>,
    under_way: JoinSet<()>,
}

impl Calls {
    pub(super) fn new(client: Client, outbox: Outbox, timeout: Duration) -> Self {
        Self {
            client,
            outbox,
            timeout,
            places: Arc::new(Semaphore::new(CALLS_MAX)),
            under_way: JoinSet::new(),
        }
    }

    /// Calls; the response is sent when it is there.
    pub(super) async fn call(
        &mut self,
        (service, type_name): (String, Option<String>),
        args: Value,
        reply: Reply,
        timeout: Option<Duration>,
    ) -> Result<(), Gone> {
        while self.under_way.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let problem = format!("{CALLS_MAX} calls of this client are under way already; wait for one to end");
            return self
                .outbox
                .send_reply(response(&service, &reply, Err(problem)), &reply)
                .await;
        };
        let (client, outbox) = (self.client.clone(), self.outbox.clone());
        let timeout = timeout.unwrap_or(self.timeout).min(TIMEOUT_MAX);
        self.under_way.spawn(async move {
            let _place = place;
            let values = match service.trim_start_matches('/').strip_prefix("rosapi/") {
                Some(name) => rosapi::call(&client, name, &args)
                    .await
                    .map(|values| values.to_string()),
                None => values_of(&client, (&service, type_name.as_deref()), args, timeout).await,
            };
            // Whoever is gone needs no response.
            let _ = outbox.send_reply(response(&service, &reply, values), &reply).await;
        });
        Ok(())
    }
}

/// The response as a client gets it: values, or a text that says why there are none.
fn response(service: &str, reply: &Reply, values: Result<String, String>) -> String {
    match values {
        Ok(values) => server_op::service_response(service, reply.id.as_ref(), &values, true),
        Err(problem) => {
            let problem = Value::from(problem).to_string();
            server_op::service_response(service, reply.id.as_ref(), &problem, false)
        }
    }
}

async fn values_of(
    client: &Client,
    (service, type_name): (&str, Option<&str>),
    args: Value,
    timeout: Duration,
) -> Result<String, String> {
    let offered = client.services();
    let offer = offered.iter().find(|offer| same_name(&offer.name, service));
    let args = match offer {
        Some(offer) => {
            let ty = client.service_type_of(offer).await.map_err(|error| error.to_string())?;
            inbound::arguments(ty.request().codec().description(), args)?
        }
        // The call says why there is nobody.
        None => args,
    };
    let called = client.call(service, type_name, Body::Json(&args), timeout).await;
    let called = called.map_err(|error| error.to_string())?;
    let mut values = String::new();
    let written = called
        .ty()
        .response()
        .codec()
        .write_web_json(called.payload(), &mut values);
    written.map_err(|error| error.to_string())?;
    Ok(values)
}
