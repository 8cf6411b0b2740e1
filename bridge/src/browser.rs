//! The browser face: web pages that hold a key of their own. What they publish is signed in the page; the bridge passes it on.
//!
//! `GET /nuncio.js` on the port of the [rosbridge face](crate::rosbridge) gives a module without dependencies that does the
//! page's part, and `GET /nuncio` is the WebSocket that it speaks to:
//!
//! ```text
//! const node = await Nuncio.connect("ws://127.0.0.1:9090", { name: "/operator" });
//! const commands = await node.publisher("/cmd_vel", "geometry_msgs/msg/Twist");
//! await commands.publish({ linear: { x: 0.5 } });
//! ```
//!
//! # What the bridge can do, and what it cannot
//!
//! It cannot make, alter or move a message: receivers verify the page's own signature, and see the page's key, as they see
//! that of any node. It can hold messages back, for as long as receivers take late ones, and drop them. It can say that a
//! message was passed on that was not.
//!
//! A page that the bridge itself serves is the bridge's to alter, and so is this module when it comes from the bridge. Who
//! does not trust the bridge serves the page and `nuncio.js` from elsewhere, or checks the module by its hash
//! (`<script type="module" integrity="sha384-…">`). Where no token is demanded, pages of other sites are let in by
//! `--allow-origin`, as at every face; a key does not let them in. The key is made not to be extractable: whoever alters a page can have
//! it sign while it is open, and cannot take the key away.
//!
//! The page signs what the application has said: payloads are encoded in the page, by a type description whose RIHS01 hash
//! the page computes itself, and fields that are left out are zero, whatever the schema's defaults, which no hash covers.
//! The application may name the hash that it means. The domain is the one that the application names, `0` by default.
//!
//! # The protocol, `nuncio.v1`
//!
//! Texts are JSON objects with an `op`; 64-bit numbers are decimal texts. Binary messages of the page are a number (u32, little
//! endian) and a frame: that of the question which it answers, or 0.
//!
//! | from | message | meaning |
//! |---|---|---|
//! | page | `{"op":"hello","node":"/operator","key":"did:key:…","epoch":"1700000000000","token":"…"}` | who comes; the token where one is demanded and did not come with the address |
//! | bridge | `{"op":"welcome","domain":"0","bridge":"did:key:…"}` | where it came to |
//! | bridge | `{"op":"question","id":1,"about":"card","nonce":"<32 digits>"}` | somebody asks for the card, signed for this nonce; the bridge itself does first |
//! | bridge | `{"op":"question","id":2,"about":"type","hash":"RIHS01_…","nonce":"…"}` | somebody asks for the definition of a type |
//! | page | binary: `id`, frame | the answer |
//! | bridge | `{"op":"ready"}` | the page is a node now |
//! | page | `{"op":"type","id":7,"name":"geometry_msgs/msg/Twist","topic":"/cmd_vel"}` | asks for a type; `topic` where the one that is used there is meant |
//! | bridge | `{"op":"type","id":7,"name":"…","hash":"RIHS01_…","description":"…"}` | the type description of ROS 2 as JSON text |
//! | page | binary: 0, frame of kind 3 | a new card, which names its publishers |
//! | bridge | `{"op":"shown","number":"2"}` | the card was shown to all, and its publishers may publish |
//! | page | binary: 0, frame of kind 0 | messages |
//! | bridge | `{"op":"passed","writer":"<16 digits>","number":"1"}` | the frame that ends with this number was passed on |
//! | bridge | `{"op":"refused","id":7,"reason":"no_route","text":"…"}` | what was asked, shown (`card`) or published (`writer`, `number`) was not taken, and why |
//!
//! Reasons are the words of [`BorderError`](crate::BorderError) or of [`nuncio::Reason`]; `name_taken` and `guest` besides.
//!
//! Frames and cards are those of every node: see [`nuncio::security::frame`]. The writer, context and epoch are made as there.
//!
//! # Invariants
//!
//! - A page is a node once it has answered a nonce of the bridge with its key; when the connection ends, it is none.
//! - Names are those on Nuncio's side, because they are signed: nothing is renamed. A route has to let the topic in for the
//!   face `browser`, the role has to permit it, and the role has to permit the node's name (`nodes` in `bridge.toml`).
//! - What a page can make the bridge hold or do is bounded: see [`nuncio::guest`], the role's limits, and
//!   [`CARDS_PER_SECOND`].

mod connection;
mod op;
mod session;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State, WebSocketUpgrade};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use crate::border::Border;
use crate::front::Peer;
use crate::rules::Face;
use crate::socket_writer::SocketPatience;
use crate::visit::{Visit, turned_away};

/// The module that pages load.
const MODULE: &str = include_str!("browser/nuncio.js");

/// The subprotocol of WebSocket.
const PROTOCOL: &str = "nuncio.v1";

/// How many cards a page may show in a second: each goes to every node.
pub const CARDS_PER_SECOND: u32 = 20;

/// How pages are served.
#[derive(Clone, Debug)]
pub(crate) struct BrowserOptions {
    /// The longest message of a page, in bytes.
    pub(crate) max_message_len: usize,
    /// How long a page may take to answer the first question.
    pub(crate) entry_patience: Duration,
    /// How long it may take after that.
    pub(crate) patience: SocketPatience,
}

/// What all pages share.
pub(crate) struct Shared {
    border: Border,
    options: BrowserOptions,
}

/// What pages find: the module and the WebSocket.
pub(crate) fn routes(border: Border, options: BrowserOptions) -> Router {
    Router::new()
        .route("/nuncio.js", get(module))
        .route("/nuncio", any(connect))
        .with_state(Arc::new(Shared { border, options }))
}

/// The module, for pages of any origin: it is the same for all, and gives nobody anything.
async fn module() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, MODULE).into_response()
}

/// A page's handshake. One that brings a wrong token is turned away; one that brings none may still bring it.
async fn connect(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    visit: Visit,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(no_websocket) => return no_websocket.into_response(),
    };
    let role = match visit.enter(&shared.border, Face::Browser) {
        Ok(role) => role,
        Err(error) => return turned_away(&error),
    };
    let len = shared.options.max_message_len;
    upgrade
        .protocols([PROTOCOL])
        .max_message_size(len)
        .max_frame_size(len)
        .on_upgrade(move |socket| connection::run(socket, shared, peer, role))
}
