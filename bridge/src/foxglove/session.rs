//! The visit of one client: what it sends is read here, one message after the other, and each one is one act.
//!
//! Nothing that it sends ends more than its own visit. What takes time runs beside, so many at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, close_code};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ViewerFace;
use super::channels::{Encoding, SIGNERS_TOPIC};
use super::known::{Known, Running};
use super::outbox::{Gone, Outbox};
use super::parameter_calls::{ParameterCalls, tell_changes};
use super::publications::Publications;
use super::services::answer;
use super::signers::SignerLedger;
use super::subscriptions::Subscription;
use super::telling::Telling;
use super::wire::{
    Advertise, Capability, ClientMessage, FetchAssetResponse, Level, ServerInfo, ServiceCallFailure, client,
};
use crate::client::Client;
use crate::tap::TapOptions;

/// A client that is silent for so long, and does not answer pings either, is gone.
const SILENT_MAX: Duration = Duration::from_secs(120);
/// How often it is pinged.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How many calls of services and questions for parameters run for one client at a time.
const CALLS_MAX: usize = 32;
/// How long a client that breaks the protocol has to read why the connection ends.
const LAST_WORD: Duration = Duration::from_millis(500);
/// The type of the topic that tells who signs.
const SIGNERS_TYPE: &str = "diagnostic_msgs/msg/DiagnosticArray";

pub(super) struct Session {
    face: Arc<ViewerFace>,
    client: Client,
    outbox: Outbox,
    telling: Telling,
    known: Arc<Known>,
    signers: Arc<SignerLedger>,
    publications: Publications,
    calls: JoinSet<()>,
    beside: JoinSet<()>,
    hears_parameters: bool,
}

impl Session {
    /// Serves one client until it goes.
    pub(super) async fn visit(socket: WebSocket, face: Arc<ViewerFace>, client: Client, is_old: bool) {
        let (sink, stream) = socket.split();
        let mut open = face.open.clone();
        let outbox = Outbox::new(sink);
        let known = Arc::new(Known::default());
        let telling = Telling {
            client: client.clone(),
            known: Arc::clone(&known),
            outbox: outbox.clone(),
            encoding: face.encoding,
            is_old,
        };
        let mut session = Self {
            face,
            client,
            outbox: outbox.clone(),
            telling,
            known,
            signers: Arc::default(),
            publications: Publications::default(),
            calls: JoinSet::new(),
            beside: JoinSet::new(),
            hears_parameters: false,
        };
        tokio::select! {
            _ = session.serve(stream) => {}
            () = outbox.gone() => {}
            _ = open.changed() => outbox.close(close_code::AWAY, "the bridge ends").await,
        }
        // What runs for the client ends with its task sets and subscriptions.
        session.known.subscriptions().clear();
    }

    async fn serve(&mut self, mut stream: SplitStream<WebSocket>) -> Result<(), Gone> {
        self.greet().await?;
        loop {
            let Ok(next) = timeout(SILENT_MAX, stream.next()).await else {
                return Err(Gone);
            };
            match next {
                Some(Ok(Message::Text(text))) => self.hear(ClientMessage::parse_json(&text)).await?,
                Some(Ok(Message::Binary(bytes))) => self.hear(ClientMessage::parse_binary(&bytes)).await?,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Err(error)) => return self.give_up(&error.to_string()).await,
            }
        }
    }

    /// The first words, and what is told from then on.
    async fn greet(&mut self) -> Result<(), Gone> {
        let node = self.client.border().node();
        let is_simulated = self.face.time.is_simulated();
        let mut capabilities = vec![
            Capability::ClientPublish,
            Capability::Parameters,
            Capability::ParametersSubscribe,
            Capability::Services,
            Capability::ConnectionGraph,
        ];
        capabilities.extend(is_simulated.then_some(Capability::Time));
        let metadata = [
            // Viewers take whoever names a distribution of ROS 2 for one, and let users publish its types.
            ("ROS_DISTRO", self.face.ros_distro.clone()),
            ("nuncio_version", env!("CARGO_PKG_VERSION").to_owned()),
            ("nuncio_key", node.public_key().to_string()),
            ("nuncio_role", self.client.role().name.clone()),
        ];
        let info = ServerInfo::new(node.name().to_string())
            .with_capabilities(capabilities)
            .with_supported_encodings([Encoding::Cdr.as_str(), Encoding::Json.as_str()])
            .with_metadata(
                metadata
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            )
            .with_session_id(node.epoch().to_string());
        self.outbox.json(&info).await?;
        if let Ok(ty) = self.client.border().library().message(SIGNERS_TYPE) {
            let channel = self.known.channels().add(SIGNERS_TOPIC, ty);
            self.outbox
                .json(&Advertise::new(channel.advertisement(self.face.encoding)))
                .await?;
        }
        self.beside
            .spawn(self.telling.clone().tell_refusals(Arc::clone(&self.signers)));
        self.beside.spawn(self.telling.clone().keep_told());
        self.beside.spawn(ping(self.outbox.clone()));
        if is_simulated {
            self.beside.spawn(self.face.time.clone().tell(self.outbox.clone()));
        }
        Ok(())
    }

    async fn hear<E: std::fmt::Display>(&mut self, message: Result<ClientMessage<'_>, E>) -> Result<(), Gone> {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                let text = format!("the bridge does not understand this message: {error}");
                return self.refuse("message", &text).await;
            }
        };
        match message {
            ClientMessage::MessageData(message) => match self.publications.publish(&self.client, &message) {
                Ok(()) => Ok(()),
                Err((thing, problem)) => self.outbox.complain(Level::Error, &thing, &problem).await,
            },
            ClientMessage::Subscribe(asked) => {
                for one in asked.subscriptions {
                    self.subscribe(one.id, one.channel_id).await?;
                }
                Ok(())
            }
            ClientMessage::Unsubscribe(asked) => {
                let mut running = self.known.subscriptions();
                asked.subscription_ids.iter().for_each(|id| drop(running.remove(id)));
                Ok(())
            }
            ClientMessage::Advertise(asked) => self.advertise(&asked).await,
            ClientMessage::Unadvertise(asked) => {
                for id in asked.channel_ids {
                    if !self.publications.unadvertise(id) {
                        self.refuse("unadvertise", &format!("no channel {id} is advertised"))
                            .await?;
                    }
                }
                Ok(())
            }
            ClientMessage::ServiceCallRequest(call) => self.call(call).await,
            ClientMessage::GetParameters(asked) => {
                let calls = self.parameter_calls();
                self.run(calls.get(asked.parameter_names, asked.id)).await
            }
            ClientMessage::SetParameters(asked) => {
                let calls = self.parameter_calls();
                self.run(calls.set(asked.parameters, asked.id)).await
            }
            ClientMessage::SubscribeParameterUpdates(asked) => self.want_parameters(asked.parameter_names).await,
            ClientMessage::UnsubscribeParameterUpdates(asked) => {
                let mut wanted = self.known.parameters();
                if asked.parameter_names.is_empty() {
                    wanted.all = false;
                    wanted.names.clear();
                }
                for name in &asked.parameter_names {
                    wanted.names.remove(name);
                }
                Ok(())
            }
            ClientMessage::SubscribeConnectionGraph => {
                self.known.graph.lock().await.get_or_insert_default();
                self.telling.tell_graph().await
            }
            ClientMessage::UnsubscribeConnectionGraph => {
                *self.known.graph.lock().await = None;
                Ok(())
            }
            ClientMessage::FetchAsset(asked) => {
                let text = "the bridge has no assets; its capabilities do not name them";
                self.outbox
                    .binary(&FetchAssetResponse::error_message(asked.request_id, text))
                    .await
            }
            ClientMessage::PlaybackControlRequest(_) => {
                self.refuse("playback", "this is live; there is nothing to play back")
                    .await
            }
        }
    }

    async fn subscribe(&mut self, id: u32, channel_id: u64) -> Result<(), Gone> {
        let Some(channel) = self.known.channels().get(channel_id) else {
            return self
                .refuse("subscribe", &format!("there is no channel {channel_id}"))
                .await;
        };
        let most = self.client.role().limits.taps_max;
        if self.known.subscriptions().len() >= most {
            let text = format!("there are {most} subscriptions already, which is the most");
            return self.refuse("subscribe", &text).await;
        }
        if self.known.subscriptions().contains_key(&id) {
            let text = format!("the subscription id {id} is in use; unsubscribe it first");
            return self.refuse("subscribe", &text).await;
        }
        let subscription = Subscription {
            id,
            channel: Arc::clone(&channel),
            encoding: self.face.encoding,
            outbox: self.outbox.clone(),
            time: self.face.time.clone(),
        };
        let task = if channel.topic == SIGNERS_TOPIC {
            self.beside.spawn(subscription.tell_signers(Arc::clone(&self.signers)))
        } else {
            let options = TapOptions {
                queue: self.face.queue,
                ..TapOptions::default()
            };
            match self.client.tap(&channel.topic, options) {
                Ok(tap) => self
                    .beside
                    .spawn(subscription.pass_on(tap, self.signers.topic(&channel.topic))),
                Err(error) => {
                    let thing = format!("subscribe {}", channel.topic);
                    return self.outbox.complain(Level::Error, &thing, &error.to_string()).await;
                }
            }
        };
        let running = Running {
            channel: channel_id,
            task,
        };
        self.known.subscriptions().insert(id, running);
        Ok(())
    }

    async fn advertise(&mut self, asked: &client::Advertise<'_>) -> Result<(), Gone> {
        for channel in &asked.channels {
            if let Err(problem) = self.publications.advertise(&self.client, channel).await {
                self.outbox.complain(Level::Error, &channel.topic, &problem).await?;
            }
        }
        Ok(())
    }

    async fn call(&mut self, call: client::ServiceCallRequest<'_>) -> Result<(), Gone> {
        let service = self.known.services().get(call.service_id);
        let problem = match (service, Encoding::parse(&call.encoding)) {
            (None, _) => format!("there is no service {}", call.service_id),
            (_, None) => format!("the bridge reads `cdr` and `json`, not `{}`", call.encoding),
            (Some(service), Some(encoding)) => {
                let call = call.into_owned();
                let one = answer(
                    self.client.clone(),
                    self.outbox.clone(),
                    (service, encoding),
                    call,
                    self.face.call_timeout,
                );
                return self.run(one).await;
            }
        };
        self.client.count_refused();
        self.outbox
            .json(&ServiceCallFailure::new(call.service_id, call.call_id, problem))
            .await
    }

    fn parameter_calls(&self) -> ParameterCalls {
        ParameterCalls {
            client: self.client.clone(),
            outbox: self.outbox.clone(),
        }
    }

    async fn want_parameters(&mut self, names: Vec<String>) -> Result<(), Gone> {
        if !self.hears_parameters {
            let changes = match self.face.parameter_changes() {
                Ok(changes) => changes,
                Err(error) => return self.refuse("parameter changes", &error.to_string()).await,
            };
            self.hears_parameters = true;
            self.beside
                .spawn(tell_changes(self.parameter_calls(), Arc::clone(&self.known), changes));
        }
        let is_full = {
            let mut wanted = self.known.parameters();
            wanted.all |= names.is_empty();
            wanted.take(names)
        };
        match is_full {
            true => {
                self.refuse(
                    "parameter changes",
                    "these are more parameters than one client is told of",
                )
                .await
            }
            false => Ok(()),
        }
    }

    /// Runs what takes time, if not too much runs already. The calls are answered in any order.
    async fn run(&mut self, call: impl Future<Output = ()> + Send + 'static) -> Result<(), Gone> {
        while self.calls.len() >= CALLS_MAX {
            // The client waits with its next message until one of its calls is answered.
            self.calls.join_next().await;
        }
        while self.calls.try_join_next().is_some() {}
        self.calls.spawn(call);
        Ok(())
    }

    async fn refuse(&self, thing: &str, text: &str) -> Result<(), Gone> {
        self.client.count_refused();
        self.outbox.complain(Level::Error, thing, text).await
    }

    /// Ends the visit of a client that sends what is no WebSocket message, or one that is too large.
    async fn give_up(&self, problem: &str) -> Result<(), Gone> {
        let most = self.client.role().limits.message_len_max;
        let text = format!("the connection ends: {problem}; a message may have {most} bytes");
        self.refuse("connection", &text).await?;
        self.outbox.close(close_code::SIZE, "see the status before this").await;
        // What the client has still to read would be lost if the connection ended now.
        tokio::time::sleep(LAST_WORD).await;
        Err(Gone)
    }
}

/// Keeps the connection alive, and finds out whether it is.
async fn ping(outbox: Outbox) {
    loop {
        tokio::time::sleep(PING_EVERY).await;
        if outbox.send(Message::Ping(Vec::new().into())).await.is_err() {
            return;
        }
    }
}
