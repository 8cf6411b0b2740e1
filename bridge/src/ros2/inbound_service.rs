//! Services on their way in: nodes of Nuncio call a server of ROS, whose answers the bridge signs.

use std::sync::Arc;
use std::time::Duration;

use nuncio::clock::now_ns;
use nuncio::{NodeName, QosProfile};
use tokio::sync::{Semaphore, watch};

use super::attachment::Attachment;
use super::complaints::Complaints;
use super::describing;
use super::gid::Gid;
use super::mirror::mirror_of;
use super::outbound_service::timeout_of;
use super::plan::{Crossing, Party};
use super::side::{CrossingError, RosSide, Side};
use crate::bridge_type::Body;
use crate::service_ends::OfferedRequest;

/// How many requests of one service are under way at a time; the server's own queue holds the next.
const CALLS_MAX: usize = 64;

/// Lets one service in until it is dropped. `settling`: how long it shows itself before the first call.
pub(crate) async fn run(
    side: Side,
    crossing: Crossing,
    party: watch::Receiver<Party>,
    settling: Duration,
) -> Result<(), CrossingError> {
    let nodes: Vec<NodeName> = party.borrow().nodes.keys().cloned().collect();
    let ty = describing::service_type(&side, &crossing.ty, &nodes).await?;
    let own = side.client.border().node().name().clone();
    let mirror = mirror_of(&side, &own)?;
    let endpoint = (crossing.kind, &crossing.name, &crossing.ty);
    let shown = side.declare_endpoint(&mirror.node, endpoint, QosProfile::services())?;
    tokio::time::sleep(settling).await;
    let offered = side.client.offer_service(crossing.name.as_str(), &ty)?;
    side.tell_crossing(&crossing);
    let key: Arc<str> = side.data_key(&crossing.name, &crossing.ty).to_string().into();
    let under_way = Arc::new(Semaphore::new(CALLS_MAX));
    let mut calls = tokio::task::JoinSet::new();
    let mut complaints = Complaints::of(&side, &crossing.name);
    let mut number = 0;
    loop {
        tokio::select! {
            request = offered.recv() => {
                let Some(request) = request else { return Ok(()) };
                let Ok(place) = Arc::clone(&under_way).acquire_owned().await else { return Ok(()) };
                number += 1;
                let (side, key, gid, number) = (Arc::clone(&side), Arc::clone(&key), shown.gid, number);
                let patience = request.remaining().unwrap_or(Duration::MAX).min(timeout_of(crossing.name.as_str()));
                calls.spawn(async move {
                    let answered = call(&side, &key, request, (number, gid), patience).await;
                    drop(place);
                    answered
                });
            }
            Some(ended) = calls.join_next() => {
                if let Ok(Err(problem)) = ended {
                    let server = nodes.first().map_or("the server", NodeName::as_str);
                    complaints.add(server, &problem);
                }
            }
        }
    }
}

async fn call(
    side: &RosSide,
    key: &str,
    request: OfferedRequest,
    (number, gid): (i64, Gid),
    patience: Duration,
) -> Result<(), String> {
    let attachment = Attachment {
        number,
        source_time_ns: now_ns(),
        gid,
    };
    let cdr = match request.cdr() {
        Ok(cdr) => cdr,
        Err(error) => {
            request.fail(&error.to_string());
            return Err(error.to_string());
        }
    };
    let answered = tokio::select! {
        answered = side.session.call(key, cdr, attachment.to_bytes(), patience) => answered,
        () = request.cancelled() => return Ok(()),
    };
    match answered {
        Ok(cdr) => request.respond(Body::Cdr(&cdr)).map_err(|error| error.to_string()),
        Err(error) => {
            request.fail(&error.to_string());
            Err(error.to_string())
        }
    }
}
