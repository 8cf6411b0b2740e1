//! The door: reads a viewer's HTTP request, and lets it in if it asks for a WebSocket in a language that is spoken here, has a
//! token where one is demanded, is no page of another site where none is, and there is room. Whoever is turned away is told
//! why in one sentence.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::ViewerFace;
use super::session::Session;
use super::wire::{SDK_V1, WEBSOCKET_V1};
use crate::border_error::BorderError;
use crate::client::Client;
use crate::front::Peer;
use crate::rules::Face;
use crate::visit::{Visit, turned_away};

/// How much longer a WebSocket message may be than the message in it.
const ENVELOPE_LEN_MAX: usize = 64 * 1024;
/// What is read from a client at a time. Most of its messages are short.
const READ_BUFFER_LEN: usize = 16 * 1024;

pub(super) fn router(face: Arc<ViewerFace>) -> Router {
    Router::new().fallback(enter).with_state(face)
}

async fn enter(
    State(face): State<Arc<ViewerFace>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    visit: Visit,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let text = "this is a WebSocket for Foxglove; open it there as a `Foxglove WebSocket` connection\n";
        let header = (header::UPGRADE, HeaderValue::from_static("websocket"));
        return (StatusCode::UPGRADE_REQUIRED, [header], text).into_response();
    };
    let upgrade = upgrade.protocols([SDK_V1, WEBSOCKET_V1]);
    let Some(is_old) = upgrade.selected_protocol().map(|protocol| protocol == WEBSOCKET_V1) else {
        let text = format!("expected the subprotocol {SDK_V1} or {WEBSOCKET_V1}, found neither\n");
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let client = match admit(&face, peer.address, &visit) {
        Ok(client) => client,
        Err(error) => return turned_away(&error),
    };
    peer.settle();
    let most = client.role().limits.message_len_max.saturating_add(ENVELOPE_LEN_MAX);
    upgrade
        .max_message_size(most)
        .max_frame_size(most)
        .read_buffer_size(READ_BUFFER_LEN)
        .on_upgrade(move |socket| Session::visit(socket, face, client, is_old))
}

fn admit(face: &ViewerFace, peer: SocketAddr, visit: &Visit) -> Result<Client, BorderError> {
    visit.check_page(&face.border, Face::Foxglove)?;
    let role = visit.role(&face.border)?;
    face.border.admit(Face::Foxglove, &peer.to_string(), role)
}
