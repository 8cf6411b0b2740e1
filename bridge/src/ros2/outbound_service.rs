//! Services on their way out: nodes of ROS call a server of Nuncio.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nuncio::clock::now_ns;
use nuncio::{NodeName, QosProfile};
use tokio::sync::{Semaphore, mpsc, watch};

use super::attachment::Attachment;
use super::complaints::Complaints;
use super::mirror::{Mirror, mirror_of};
use super::plan::{Crossing, Party};
use super::session::{RosQuery, SessionError};
use super::side::{CrossingError, DeclaredEndpoint, Side};
use crate::bridge_type::Body;

/// How many requests of one service are under way at a time; as many wait.
const CALLS_MAX: usize = 64;

/// How long a server may take. Nodes of ROS wait for one minute, or ten, or for ever, and do not say which.
const TIMEOUT: Duration = Duration::from_secs(600);

/// How long an action may take until its result is there.
const RESULT_TIMEOUT: Duration = Duration::from_secs(86_400);

/// What the names of services end with that answer when an action has ended.
const GET_RESULT: &str = "/_action/get_result";

/// How long a call of this service may take.
pub(crate) fn timeout_of(service: &str) -> Duration {
    if service.ends_with(GET_RESULT) {
        RESULT_TIMEOUT
    } else {
        TIMEOUT
    }
}

/// Lets one service out until it is dropped. `settling`: how long it shows itself before the first call.
pub(crate) async fn run(
    side: Side,
    crossing: Crossing,
    mut party: watch::Receiver<Party>,
    settling: Duration,
) -> Result<(), CrossingError> {
    let (queue, mut requests) = mpsc::channel::<RosQuery>(CALLS_MAX);
    let key = side.data_key(&crossing.name, &crossing.ty).to_string();
    let _served = side.session.serve(&key, move |query| {
        if let Err(refused) = queue.try_send(query) {
            // Who has gone needs no reason.
            let _ = refused
                .into_inner()
                .fail("too many requests of this service wait at the bridge; try again later");
        }
    })?;
    // Whoever sees the server may call it. While another bridge may begin, too, its requests wait.
    let mut shown = HashMap::new();
    let known = party.borrow_and_update().clone();
    show(&side, &crossing, &known, &mut shown)?;
    tokio::time::sleep(settling).await;
    side.tell_crossing(&crossing);
    let under_way = Arc::new(Semaphore::new(CALLS_MAX));
    let mut calls = tokio::task::JoinSet::new();
    let mut complaints = Complaints::of(&side, &crossing.name);
    loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(request) = request else { return Ok(()) };
                let Ok(place) = Arc::clone(&under_way).acquire_owned().await else { return Ok(()) };
                let (side, name) = (Arc::clone(&side), crossing.name.as_str().to_owned());
                calls.spawn(async move {
                    let answered = call(&side, &name, &request).await;
                    drop(place);
                    answered
                });
            }
            Some(ended) = calls.join_next() => {
                if let Ok(Err(problem)) = ended {
                    complaints.add("a request", &problem);
                }
            }
            changed = party.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let known = party.borrow_and_update().clone();
                show(&side, &crossing, &known, &mut shown)?;
            }
        }
    }
}

/// Shows each node that serves it now.
fn show(
    side: &Side,
    crossing: &Crossing,
    party: &Party,
    shown: &mut HashMap<NodeName, (Arc<Mirror>, DeclaredEndpoint)>,
) -> Result<(), SessionError> {
    shown.retain(|node, _| party.nodes.contains_key(node));
    for node in party.nodes.keys() {
        if !shown.contains_key(node) {
            let mirror = mirror_of(side, node)?;
            let endpoint = (crossing.kind, &crossing.name, &crossing.ty);
            let declared = side.declare_endpoint(&mirror.node, endpoint, QosProfile::services())?;
            shown.insert(node.clone(), (mirror, declared));
        }
    }
    Ok(())
}

/// Calls the server and answers; the text is why there is no response.
async fn call(side: &Side, name: &str, request: &RosQuery) -> Result<(), String> {
    let answered = try_call(side, name, request).await;
    if let Err(problem) = &answered {
        // Who has gone needs no reason.
        let _ = request.fail(problem);
    }
    answered
}

async fn try_call(side: &Side, name: &str, request: &RosQuery) -> Result<(), String> {
    let Some(attachment) = Attachment::read(&request.attachment()) else {
        side.client.count_refused();
        return Err("33 bytes come beside each request of rmw_zenoh, beside this one other ones".to_owned());
    };
    let cdr = request.payload().into_owned();
    let called = side.client.call(name, None, Body::Cdr(&cdr), timeout_of(name)).await;
    let response = called
        .and_then(|called| called.cdr())
        .map_err(|error| error.to_string())?;
    let attachment = attachment.of_response(now_ns()).to_bytes();
    request.reply(response, attachment).map_err(|error| error.to_string())
}
