//! One connection of a page: hello, proof of the key, then frames and questions until one side has enough.

use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use nuncio::guest::GUEST_QUESTIONS_MAX;
use nuncio::{Guest, GuestClaim, NodeName, PublicKey, TopicName};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::Shared;
use super::op::{self, About, Brought, Op, Problem};
use super::session::{Outcome, Session, of_guest};
use crate::border_error::BorderError;
use crate::front::Peer;
use crate::role::{Act, ClientRole};
use crate::rules::Face;
use crate::socket_writer::{self, SocketWriter};

/// How many messages wait for the page to read them: each question that may be open, and some.
const WAITING_MAX: usize = GUEST_QUESTIONS_MAX + 16;

/// What a page is told when it is sent away; nothing when it went by itself.
type Goodbye = Option<socket_writer::Goodbye>;

/// Serves a page until it goes.
pub(super) async fn run(socket: WebSocket, shared: Arc<Shared>, peer: Peer, role: Option<Arc<ClientRole>>) {
    let (sink, stream) = socket.split();
    let (outbox, waiting) = mpsc::channel(WAITING_MAX);
    let writer = SocketWriter::start(sink, waiting, shared.options.patience);
    let mut reader = Reader { stream, shared, outbox };
    let goodbye = match reader.serve(&peer, role).await {
        Ok(never) => match never {},
        Err(goodbye) => goodbye,
    };
    let outbox = reader.outbox;
    let send = async move |last| drop(outbox.send(last).await);
    writer.end(goodbye, send).await;
}

/// The reading half.
struct Reader {
    stream: SplitStream<WebSocket>,
    shared: Arc<Shared>,
    outbox: mpsc::Sender<Message>,
}

/// Whom a page says that it is, and what it may.
struct Visitor {
    claim: GuestClaim,
    role: Arc<ClientRole>,
}

impl Reader {
    async fn serve(&mut self, peer: &Peer, role: Option<Arc<ClientRole>>) -> Result<std::convert::Infallible, Goodbye> {
        let visitor = self.hear_hello(role).await?;
        let border = self.shared.border.clone();
        let who = format!("{} {}", visitor.claim.name, visitor.claim.key);
        let client = match border.admit(Face::Browser, &who, Arc::clone(&visitor.role)) {
            Ok(client) => client,
            Err(error) => return Err(self.turn_away(error.into(), close_code::AGAIN).await),
        };
        let guest = self.open_guest(visitor.claim).await?;
        self.enter(&guest).await?;
        peer.settle();
        self.tell(op::said(&json!({"op": "ready"}))).await?;
        let session = Session::new(client, guest);
        loop {
            let message = self.next().await?;
            self.attend(&session, message).await?;
        }
    }

    /// The next message. An error when there is none: the page has gone, or has been silent for too long.
    async fn next(&mut self) -> Result<Message, Goodbye> {
        let patience = self.shared.options.patience.idle;
        let next = tokio::select! {
            next = timeout(patience, self.stream.next()) => next,
            () = self.outbox.closed() => return Err(None),
        };
        match next {
            Ok(Some(Ok(Message::Close(_))) | None) => Err(None),
            Ok(Some(Ok(message))) => Ok(message),
            Ok(Some(Err(error))) if error.to_string().contains("too long") || error.to_string().contains("too big") => {
                Err(Some((close_code::SIZE, "the message is too long")))
            }
            Ok(Some(Err(_))) => Err(None),
            Err(_) => Err(Some((close_code::AWAY, "nothing has come for too long"))),
        }
    }

    async fn tell(&self, text: String) -> Result<(), Goodbye> {
        self.outbox.send(Message::text(text)).await.map_err(|_| None)
    }

    /// Tells a page why it is not let in.
    async fn turn_away(&self, problem: Problem, code: u16) -> Goodbye {
        match self.tell(op::refused(About::Text(None), &problem)).await {
            Ok(()) => Some((code, "this page is not let in")),
            Err(goodbye) => goodbye,
        }
    }

    /// Waits for the first text. The front door's patience ends the waiting.
    async fn hear_hello(&mut self, role: Option<Arc<ClientRole>>) -> Result<Visitor, Goodbye> {
        loop {
            let text = match self.next().await? {
                Message::Text(text) => text,
                Message::Ping(_) | Message::Pong(_) => continue,
                _ => return Err(Some((close_code::POLICY, "the first message is a hello"))),
            };
            let visitor = self.read_hello(&text, role);
            return match visitor {
                Ok(visitor) => Ok(visitor),
                Err(problem) => Err(self.turn_away(problem, close_code::POLICY).await),
            };
        }
    }

    fn read_hello(&self, text: &str, role: Option<Arc<ClientRole>>) -> Result<Visitor, Problem> {
        let said = |problem: String| Problem::from(BorderError::Message(problem));
        let Op::Hello {
            node,
            key,
            epoch,
            token,
        } = Op::read(text).map_err(said)?
        else {
            return Err(said("the first message is a hello".to_owned()));
        };
        let role = match role {
            Some(role) => role,
            None => self.shared.border.authenticate(token.as_deref())?,
        };
        let name = NodeName::parse(&node).map_err(|error| said(error.to_string()))?;
        // Node names have the form of topic names, and patterns match both.
        let as_topic = TopicName::parse(name.as_str()).map_err(|error| said(error.to_string()))?;
        role.check(Act::Be, &as_topic)?;
        let key = PublicKey::parse(&key).map_err(|error| said(error.to_string()))?;
        let epoch = epoch
            .parse()
            .map_err(|_| said(format!("the epoch is a number, found {epoch:?}")))?;
        Ok(Visitor {
            claim: GuestClaim { name, key, epoch },
            role,
        })
    }

    async fn open_guest(&self, claim: GuestClaim) -> Result<Guest, Goodbye> {
        let node = self.shared.border.node();
        let outbox = self.outbox.clone();
        let ask = move |question| outbox.try_send(Message::text(op::question(&question))).is_ok();
        let guest = match node.guest(claim, ask) {
            Ok(guest) => guest,
            Err(error) => return Err(self.turn_away(of_guest(error), close_code::POLICY).await),
        };
        let welcome = json!({
            "op": "welcome",
            "domain": node.domain().as_str(),
            "bridge": node.public_key().to_string(),
        });
        self.tell(op::said(&welcome)).await?;
        Ok(guest)
    }

    /// Has the page prove its key: its answers are read while it is waited for.
    async fn enter(&mut self, guest: &Guest) -> Result<(), Goodbye> {
        let patience = self.shared.options.entry_patience;
        let entering = guest.enter(patience);
        tokio::pin!(entering);
        loop {
            let message = tokio::select! {
                entered = &mut entering => match entered {
                    Ok(()) => return Ok(()),
                    Err(error) => return Err(self.turn_away(of_guest(error), close_code::POLICY).await),
                },
                message = self.next() => message?,
            };
            let answered = match &message {
                Message::Ping(_) | Message::Pong(_) => continue,
                Message::Binary(bytes) => match Brought::read(bytes) {
                    Ok(Brought::Answer(id, frame)) => guest.answer(id, frame.to_vec()).map_err(of_guest),
                    _ => Err(out_of_turn()),
                },
                _ => Err(out_of_turn()),
            };
            if let Err(problem) = answered {
                return Err(self.turn_away(problem, close_code::POLICY).await);
            }
        }
    }

    /// Does what a page that is in wants done.
    async fn attend(&self, session: &Session, message: Message) -> Result<(), Goodbye> {
        match message {
            Message::Text(text) => match Op::read(&text) {
                Ok(Op::Type { id, name, topic }) => match session.type_of(id, &name, topic.as_deref()).await {
                    Ok(text) => self.tell(text).await,
                    Err(problem) => self.tell(op::refused(About::Text(Some(id)), &problem)).await,
                },
                Ok(Op::Hello { .. }) => self.complain(session, "a hello comes once".to_owned()).await,
                Err(problem) => self.complain(session, problem).await,
            },
            Message::Binary(bytes) => match Brought::read(&bytes) {
                Ok(Brought::Answer(id, frame)) => match session.guest().answer(id, frame.to_vec()) {
                    Ok(()) => Ok(()),
                    Err(error) => {
                        session.client.count_refused();
                        self.tell(op::refused(About::Answer(id), &of_guest(error))).await
                    }
                },
                Ok(Brought::Card(frame)) => match session.show(frame.to_vec()).await {
                    Ok(number) => {
                        self.tell(op::said(&json!({"op": "shown", "number": number.to_string()})))
                            .await
                    }
                    Err(problem) => self.tell(op::refused(About::Card, &problem)).await,
                },
                Ok(Brought::Frame(frame)) => match session.pass(frame.to_vec()) {
                    Outcome::Passed(writer, number) => self.tell(op::passed(writer, number)).await,
                    Outcome::Refused(problem) => self.tell(op::refused(About::frame(frame), &problem)).await,
                    Outcome::Replaced => Err(Some((
                        close_code::POLICY,
                        "another start of this node has taken its place",
                    ))),
                },
                Err(problem) => self.complain(session, problem.to_owned()).await,
            },
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Ok(()),
        }
    }

    async fn complain(&self, session: &Session, problem: String) -> Result<(), Goodbye> {
        session.client.count_refused();
        let problem = Problem::from(BorderError::Message(problem));
        self.tell(op::refused(About::Text(None), &problem)).await
    }
}

fn out_of_turn() -> Problem {
    Problem::from(BorderError::Message(
        "before anything else, the question for the card is answered".to_owned(),
    ))
}
