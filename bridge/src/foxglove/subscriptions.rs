//! Subscriptions of one client: a task each, which takes from the tap's bounded queue what the client's connection can take.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Message;
use serde_json::Value;
use tokio::time::MissedTickBehavior;

use super::channels::{Channel, Encoding};
use super::face_time::FaceTime;
use super::outbox::{Gone, Outbox};
use super::signers::{SignerLedger, TopicSigners};
use super::wire::{BinaryMessage, Level, MessageData};
use crate::border_error::BorderError;
use crate::bridge_type::{Body, BridgeType};
use crate::out_message::OutMessage;
use crate::tap::Tap;

/// How many messages leave in one write at most.
const BATCH_MAX: usize = 64;
/// How often the viewer is told who signs.
const SIGNERS_EVERY: Duration = Duration::from_secs(1);

/// One subscription.
pub(super) struct Subscription {
    pub(super) id: u32,
    pub(super) channel: Arc<Channel>,
    pub(super) encoding: Encoding,
    pub(super) outbox: Outbox,
    pub(super) time: FaceTime,
}

impl Subscription {
    /// Passes on what the tap gives, until either end is gone.
    pub(super) async fn pass_on(self, mut tap: Tap, signers: Arc<TopicSigners>) {
        while let Some(first) = tap.recv().await {
            if self.write(first, &mut tap, &signers).await.is_err() {
                return;
            }
            signers.dropped(tap.dropped());
        }
    }

    /// Writes what waits, up to a batch. Until it is this client's turn, its messages stay in the tap's queue.
    async fn write(&self, first: Arc<OutMessage>, tap: &mut Tap, signers: &TopicSigners) -> Result<(), Gone> {
        let mut turn = self.outbox.turn().await;
        let mut problem = None;
        let mut waiting = Some(first);
        let mut room = BATCH_MAX;
        while let Some(message) = waiting {
            signers.saw(message.info());
            match self.frame(&message) {
                Ok(frame) => turn.add(frame).await?,
                Err(error) => problem = Some(error),
            }
            room -= 1;
            waiting = match room {
                0 => None,
                _ => tap.try_recv(),
            };
        }
        turn.finish().await?;
        match problem {
            Some(problem) => self.complain(&problem).await,
            None => Ok(()),
        }
    }

    fn frame(&self, message: &OutMessage) -> Result<Message, String> {
        if message.ty().hash() != self.channel.ty.hash() {
            let (has, found) = (&self.channel.ty, message.ty());
            return Err(format!(
                "{} has the type {has:?}; messages of {found:?} are left out",
                self.channel.topic
            ));
        }
        let written = match self.encoding {
            Encoding::Cdr => message.cdr().map(|cdr| &**cdr),
            Encoding::Json => message.json().map(|json| json.as_bytes()),
        };
        let written = written.map_err(ToString::to_string)?;
        Ok(self.message(self.time.of(message.info()), written))
    }

    fn message(&self, time_ns: i64, written: &[u8]) -> Message {
        let time = u64::try_from(time_ns).unwrap_or(0);
        Message::Binary(MessageData::new(self.id, time, written).to_bytes().into())
    }

    async fn complain(&self, problem: &str) -> Result<(), Gone> {
        let thing = format!("topic {}", self.channel.topic);
        self.outbox.complain(Level::Warning, &thing, problem).await
    }

    /// Tells who signs, now and once a second.
    pub(super) async fn tell_signers(self, ledger: Arc<SignerLedger>) {
        let mut ticks = tokio::time::interval(SIGNERS_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now_ns = self.time.now_ns();
            let told = match self.written(&ledger.diagnostics(now_ns)) {
                Ok(written) => self.outbox.send(self.message(now_ns, &written)).await,
                Err(error) => self.complain(&error.to_string()).await,
            };
            if told.is_err() {
                return;
            }
        }
    }

    fn written(&self, diagnostics: &Value) -> Result<Vec<u8>, BorderError> {
        let ty: &BridgeType = &self.channel.ty;
        match self.encoding {
            Encoding::Cdr => ty.cdr_of(&ty.payload_of(Body::Json(diagnostics))?),
            Encoding::Json => Ok(diagnostics.to_string().into_bytes()),
        }
    }
}
