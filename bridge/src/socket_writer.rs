//! The writing half of a WebSocket, and its end: what waits goes out in order, a ping now and then, and whoever is sent away
//! gets a moment to read why.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How long whoever is told to go may take to read why.
const GOODBYE: Duration = Duration::from_secs(2);

/// What somebody is told when he is sent away.
pub(crate) type Goodbye = (u16, &'static str);

/// How long the other side may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketPatience {
    /// To read what it is sent.
    pub(crate) write: Duration,
    /// To say something, if only the answer to a ping.
    pub(crate) idle: Duration,
}

/// The task that writes.
pub(crate) struct SocketWriter {
    task: JoinHandle<()>,
}

impl SocketWriter {
    /// Writes what waits until it is told to close, nothing more can come, or the other side does not read.
    pub(crate) fn start(
        sink: SplitSink<WebSocket, Message>,
        waiting: mpsc::Receiver<Message>,
        patience: SocketPatience,
    ) -> Self {
        Self {
            task: tokio::spawn(write(sink, waiting, patience)),
        }
    }

    /// Sends the last message behind what waits, and cuts off whoever does not read it.
    pub(crate) async fn end(self, goodbye: Option<Goodbye>, send: impl AsyncFnOnce(Message)) {
        let last = goodbye.map(|(code, reason)| CloseFrame {
            code,
            reason: reason.into(),
        });
        let _ = timeout(GOODBYE, send(Message::Close(last))).await;
        let stop = self.task.abort_handle();
        if timeout(GOODBYE, self.task).await.is_err() {
            stop.abort();
        }
    }
}

async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut waiting: mpsc::Receiver<Message>,
    patience: SocketPatience,
) {
    let mut pings = interval(patience.idle / 3);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            message = waiting.recv() => message,
            _ = pings.tick() => Some(Message::Ping(Vec::new().into())),
        };
        let Some(message) = message else { return };
        let is_last = matches!(message, Message::Close(_));
        let sent = timeout(patience.write, sink.send(message)).await;
        if is_last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}
