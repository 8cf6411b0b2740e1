//! One connection: login, then frames in both directions until one side has enough.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::time::timeout;

use super::op::{Level, Op};
use super::outbox::{Gone, Outbox};
use super::session::Session;
use super::{Shared, frame_reading};
use crate::border::RefusalNotice;
use crate::client::Client;
use crate::front::Peer;
use crate::role::ClientRole;
use crate::rules::Face;
use crate::socket_writer::{Goodbye, SocketWriter};

/// Messages of at least this length are read apart from the tasks of other clients, few at a time.
const LONG: usize = 256 * 1024;

/// Serves a client until it goes.
pub(super) async fn run(socket: WebSocket, shared: Arc<Shared>, peer: Peer, role: Option<Arc<ClientRole>>) {
    let (sink, stream) = socket.split();
    let (outbox, waiting) = Outbox::new();
    let writer = SocketWriter::start(sink, waiting, shared.options.patience());
    let mut reader = Reader { stream, shared, outbox };
    let goodbye = reader.serve(&peer, role).await;
    let outbox = reader.outbox;
    let send = async move |last| drop(outbox.send(last).await);
    writer.end(goodbye, send).await;
}

/// The reading half.
struct Reader {
    stream: SplitStream<WebSocket>,
    shared: Arc<Shared>,
    outbox: Outbox,
}

impl Reader {
    async fn serve(&mut self, peer: &Peer, role: Option<Arc<ClientRole>>) -> Option<Goodbye> {
        let role = match role {
            Some(role) => role,
            None => match self.log_in().await {
                Ok(role) => role,
                Err(goodbye) => return goodbye,
            },
        };
        let border = &self.shared.border;
        let who = match border.rules().tokens.is_empty() {
            true => peer.address.to_string(),
            false => role.name.clone(),
        };
        let client = match border.admit(Face::Rosbridge, &who, role) {
            Ok(client) => client,
            Err(error) => {
                let _ = self.outbox.tell(Level::Error, &error.to_string(), None).await;
                return Some((close_code::AGAIN, "too many clients"));
            }
        };
        peer.settle();
        let mut session = Session::new(client.clone(), self.outbox.clone(), &self.shared.options);
        let mut refusals = border.refusals();
        loop {
            let frame = tokio::select! {
                frame = timeout(self.shared.options.idle_patience, self.stream.next()) => frame,
                notice = refusals.recv() => {
                    mention(&client, &self.outbox, notice);
                    continue;
                }
                () = self.outbox.closed() => return None,
            };
            let Ok(frame) = frame else {
                return Some((close_code::AWAY, "nothing has come for too long"));
            };
            let read = match self.read(frame).await {
                Ok(Some(read)) => read,
                Ok(None) => continue,
                Err(goodbye) => return goodbye,
            };
            let taken = match read {
                Ok(message) => session.take(message).await,
                Err(problem) => {
                    client.count_refused();
                    self.outbox.tell(Level::Error, &problem, None).await
                }
            };
            if taken.is_err() {
                return None;
            }
        }
    }

    /// Waits for a token. Until it is there nothing else is done; the front door's patience ends the waiting.
    async fn log_in(&mut self) -> Result<Arc<ClientRole>, Option<Goodbye>> {
        let gone = |Gone| None;
        loop {
            let frame = tokio::select! {
                frame = self.stream.next() => frame,
                () = self.outbox.closed() => return Err(None),
            };
            let Some(read) = self.read(frame).await? else { continue };
            match read.map(Op::read) {
                Ok(Ok(Op::Auth { token })) => match self.shared.border.authenticate(Some(&token)) {
                    Ok(role) => return Ok(role),
                    Err(error) => {
                        let told = self.outbox.tell(Level::Error, &error.to_string(), None).await;
                        told.map_err(gone)?;
                        return Err(Some((close_code::POLICY, "this token is not known")));
                    }
                },
                Ok(_) => {
                    let problem =
                        "this bridge lets in clients with a token only; send {\"op\":\"auth\",\"token\":\"…\"} first";
                    self.outbox.tell(Level::Error, problem, None).await.map_err(gone)?;
                }
                Err(problem) => self.outbox.tell(Level::Error, &problem, None).await.map_err(gone)?,
            }
        }
    }

    /// Reads a frame: a message or what is wrong with it; `Ok(None)` for one that is none.
    async fn read(
        &self,
        frame: Option<Result<Message, axum::Error>>,
    ) -> Result<Option<Result<Value, String>>, Option<Goodbye>> {
        let read: fn(&[u8]) -> Result<Value, String> = frame_reading::read_binary;
        let bytes = match frame {
            None | Some(Ok(Message::Close(_))) => return Err(None),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(None),
            Some(Ok(Message::Text(text))) => text.into(),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Err(error)) => return Err(self.explain(&error).await),
        };
        if bytes.len() < LONG {
            return Ok(Some(read(&bytes)));
        }
        let Ok(place) = Arc::clone(&self.shared.long_readings).acquire_owned().await else {
            return Err(None);
        };
        let reading = tokio::task::spawn_blocking(move || {
            let _place = place;
            read(&bytes)
        });
        reading.await.map(Some).map_err(|_| None)
    }

    /// Tells a client why its frame ends the connection: after one that is too long nothing more can be read.
    async fn explain(&self, error: &axum::Error) -> Option<Goodbye> {
        let text = error.to_string();
        if !text.contains("too long") && !text.contains("too big") {
            return None;
        }
        let len_max = self.shared.options.max_message_len;
        let problem =
            format!("a message may have at most {len_max} bytes: {text}; send it in fragments of less, or less of it");
        let _ = self.outbox.tell(Level::Error, &problem, None).await;
        Some((close_code::SIZE, "the message is too long"))
    }
}

/// Tells a client of a message that was refused, if it may see its topic.
fn mention(client: &Client, outbox: &Outbox, notice: Result<Arc<RefusalNotice>, broadcast::error::RecvError>) {
    if let Ok(notice) = notice
        && let Some(topic) = client.visible_topic(&notice.topic)
    {
        outbox.mention(
            Level::Warning,
            &format!("a message on {topic} was refused: {}", notice.text),
        );
    }
}
