//! Publishing with an answer: which subscribers have accepted a message.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{FLUSH_TIME, GenericPublisher, PublishError, Published};
use crate::acknowledgement::{Acknowledgement, ReaderAnswer, ReaderOutcome};
use crate::inquiry::Inquiries;
use crate::matching;
use crate::outbox::FOREVER;
use crate::security::frame::Accompaniment;
use crate::security::missing::Missing;
use crate::security::peer::Peer;

impl GenericPublisher {
    /// Publishes a payload and waits, for at most `timeout`, until every node that subscribes has said what became of it; see
    /// [`Publisher::publish_acked`](crate::Publisher::publish_acked).
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish): nothing was published then. What subscribers refuse is no error but an answer.
    pub async fn publish_acked(
        &self,
        payload: &[u8],
        with: Accompaniment<'_>,
        timeout: Duration,
    ) -> Result<Acknowledgement, PublishError> {
        let readers = self.readers();
        let published = self.publish(payload, with)?;
        Ok(self.ask_readers(readers, published, timeout).await)
    }

    /// Asks the nodes that subscribe now what became of a message of this publisher. It may have been published long ago: what
    /// they have accepted since they subscribed, they remember for this start of the node.
    pub async fn acknowledgement(&self, published: Published, timeout: Duration) -> Acknowledgement {
        self.ask_readers(self.readers(), published, timeout).await
    }

    pub(crate) async fn ask_readers(
        &self,
        readers: Vec<Arc<Peer>>,
        published: Published,
        timeout: Duration,
    ) -> Acknowledgement {
        let until = Instant::now() + timeout.min(FOREVER);
        self.inquiries.keep_only(&readers);
        let (stream, number) = (published.stream(), published.number);
        let numbers = Missing {
            stream,
            first: number,
            last: number,
        };
        let ask = |peer: Arc<Peer>| {
            let (outcome, heard) = oneshot::channel();
            // Whoever has stopped waiting needs no answer.
            let told = move |said| drop(outcome.send(said));
            self.inquiries.ask(&peer, numbers, until, told);
            (heard, peer)
        };
        let asked: Vec<_> = readers.into_iter().map(ask).collect();
        let mut answers = Vec::with_capacity(asked.len());
        for (heard, peer) in asked {
            let heard = tokio::time::timeout_at(until.into(), heard).await;
            answers.push(ReaderAnswer {
                node: peer.name().clone(),
                key: peer.public_key(),
                outcome: heard.ok().and_then(Result::ok).unwrap_or(ReaderOutcome::Silent),
            });
        }
        answers.sort_by(|a, b| (&a.node, a.key).cmp(&(&b.node, b.key)));
        Acknowledgement {
            published,
            readers: answers,
        }
    }

    /// What asks the nodes that subscribe.
    pub(crate) fn inquiries(&self) -> &Arc<Inquiries> {
        &self.inquiries
    }

    /// Lets nothing more in, and waits a moment until everything has left.
    pub(crate) fn end(&self) {
        self.port.outbox.close();
        self.flush(FLUSH_TIME);
    }

    /// The nodes that subscribe now and whose subscriptions fit.
    pub(crate) fn readers(&self) -> Vec<Arc<Peer>> {
        let matched = matching::lock(&self.port.facts.matches).readers();
        let known = |(of, epoch): (crate::event::Counterpart, u64)| {
            let peer = self.node.peers.node(of.key, &of.node)?;
            (peer.epoch() == epoch).then_some(peer)
        };
        matched.into_iter().filter_map(known).collect()
    }
}
