//! The receipt desk: what a node answers when publishers ask which of their messages it has accepted.
//!
//! A request that is signed by the publisher waits until everything that it asks about was accepted or its patience is over,
//! and is answered with a signed receipt. Nothing of it is on the path of messages but a note of what was accepted.
//!
//! # Invariants
//!
//! - Only who has signed the messages is told what became of them, and a receipt is for one request.
//! - At most [`WAITING_MAX`] requests wait, [`OF_KEY_MAX`] of one key; one that finds no room is answered with what there is.
//!   Those of publishers that are not known yet wait, too, until first contact was made, and get no answer if it fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nuncio_msgs::nuncio_msgs::msg::{NumberRange, Receipt, ReceiptRequest};

use crate::clock;
use crate::contact::Note;
use crate::key_expr;
use crate::link::Query;
use crate::node::NodeCore;
use crate::number_set::NumberSet;
use crate::receipt::{receipt_context, request_context};
use crate::security::document::{self, DocumentPlace};
use crate::security::frame::{Kind, Layout, Writer};
use crate::security::key::PublicKey;
use crate::security::missing::{Missing, StreamId};
use crate::security::peers::WriterFacts;
use crate::security::refusal::{Reason, Refusal};
use crate::security::signature_check::layout_refusal;

/// The most requests that wait in one node.
pub(crate) const WAITING_MAX: usize = 256;
/// The most of one key among them.
pub(crate) const OF_KEY_MAX: usize = 64;
/// The longest time for which a request waits, whatever its patience.
const PATIENCE_MAX: Duration = Duration::from_secs(60);
/// The largest request, in bytes of its frame.
const REQUEST_LEN_MAX: usize = 4096;
/// The longest detail of a refusal, as the schema of the receipt says.
const DETAIL_MAX: usize = 512;

/// Where requests wait.
#[derive(Debug, Default)]
pub(crate) struct ReceiptDesk {
    waiting: Mutex<Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    query: Query,
    request: Request,
    until: Instant,
}

/// A request, checked as far as that is possible.
#[derive(Debug)]
enum Request {
    /// Nobody has vouched for its publisher yet.
    Stranger(PublicKey),
    /// Its signature holds.
    Asked(Asked),
}

#[derive(Debug)]
struct Asked {
    /// The digest of the request.
    digest: [u8; 32],
    publisher: Arc<WriterFacts>,
    numbers: Missing,
}

impl ReceiptDesk {
    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeCore {
    /// Takes a request for a receipt. Called in the thread that received it.
    pub(crate) fn take_receipt_request(&self, query: Query) {
        let until = Instant::now() + query.patience().unwrap_or_default().min(PATIENCE_MAX);
        let raw = query.payload();
        match self.open_receipt_request(&raw) {
            Ok(request) => self.attend_request(Waiting { query, request, until }, true),
            Err(refusal) => self.refuse_document(refusal),
        }
    }

    /// Answers requests that wait, as far as they can be now. Gives when the first of the others has waited long enough.
    /// Called by the contact thread.
    pub(crate) fn attend_receipts(&self) -> Option<Instant> {
        let waiting = std::mem::take(&mut *self.receipts.lock());
        for mut waiting in waiting {
            if matches!(waiting.request, Request::Stranger(_)) {
                match self.open_receipt_request(&waiting.query.payload()) {
                    Ok(request) => waiting.request = request,
                    Err(refusal) => {
                        self.refuse_document(refusal);
                        continue;
                    }
                }
            }
            self.attend_request(waiting, false);
        }
        self.receipts.lock().iter().map(|waiting| waiting.until).min()
    }

    /// Answers a request, or lets it wait.
    fn attend_request(&self, waiting: Waiting, is_new: bool) {
        let is_over = waiting.until <= Instant::now();
        let receipt = match &waiting.request {
            Request::Stranger(_) => None,
            Request::Asked(asked) => match self.receipt_for(asked) {
                (receipt, true) => return self.send_receipt(&waiting.query, asked, receipt),
                (receipt, false) => Some((asked, receipt)),
            },
        };
        let has_room = {
            let others = self.receipts.lock();
            let of_key = others.iter().filter(|other| other.key() == waiting.key()).count();
            others.len() < WAITING_MAX && of_key < OF_KEY_MAX
        };
        if is_over || !has_room {
            if let Some((asked, receipt)) = receipt {
                self.send_receipt(&waiting.query, asked, receipt);
            }
            return;
        }
        if let Request::Stranger(key) = waiting.request {
            self.contact.ask_about(key);
        }
        self.receipts.lock().push(waiting);
        if is_new {
            // What was accepted between the look and now is looked at again, and its end is on the contact thread's list.
            self.contact.leave(Note::ReceiptsDue);
        }
    }

    /// Checks who asks, and that it is about its own messages.
    fn open_receipt_request(&self, raw: &[u8]) -> Result<Request, Refusal> {
        if raw.len() > REQUEST_LEN_MAX {
            let detail = format!(
                "a request of {} bytes, at most {REQUEST_LEN_MAX} are accepted",
                raw.len()
            );
            return Err(Refusal::new(Reason::TooLarge, None, detail));
        }
        let layout = Layout::parse(raw).map_err(layout_refusal)?;
        let (key, epoch) = (layout.header.key, layout.header.epoch);
        let publisher = self.peers.writer(key, layout.header.writer);
        let Some(publisher) = publisher.filter(|facts| facts.peer.epoch >= epoch) else {
            return Ok(Request::Stranger(key));
        };
        if publisher.peer.epoch != epoch || publisher.kind != Kind::Message {
            let detail = "a request for a receipt by an older start of the node, or by no publisher";
            return Err(Refusal::new(Reason::StaleEpoch, Some(key), detail));
        }
        let own = (&self.public_key(), self.epoch, &self.name);
        let context = request_context(&self.domain, &publisher.topic, own);
        let (said, header): (ReceiptRequest, _) =
            document::open_with(raw, Kind::Request, &context, &publisher.peer.key)?;
        if said.first > said.last || said.epoch > epoch {
            let detail = format!(
                "a request about numbers {} to {} of epoch {}",
                said.first, said.last, said.epoch
            );
            return Err(Refusal::new(Reason::Malformed, Some(key), detail));
        }
        Ok(Request::Asked(Asked {
            digest: layout.digest(raw),
            numbers: Missing {
                stream: StreamId {
                    key,
                    writer: header.writer,
                    epoch: said.epoch,
                },
                first: said.first,
                last: said.last,
            },
            publisher,
        }))
    }

    /// What there is to say now, and whether more is to be expected later.
    fn receipt_for(&self, asked: &Asked) -> (Receipt, bool) {
        let Asked { publisher, numbers, .. } = asked;
        let mut receipt = Receipt {
            node: self.name.as_str().to_owned(),
            publisher: *numbers.stream.key.as_bytes(),
            writer: numbers.stream.writer.0,
            epoch: numbers.stream.epoch,
            first: numbers.first,
            last: numbers.last,
            ..Receipt::default()
        };
        let receptions = self.receptions();
        let mut here = receptions
            .iter()
            .filter(|reception| reception.takes_from(publisher))
            .peekable();
        if here.peek().is_none() {
            receipt.state = Receipt::STATE_NOT_SUBSCRIBED;
            return (receipt, true);
        }
        if let Err(refusal) = self.judge_publisher(publisher) {
            receipt.state = Receipt::STATE_REFUSED;
            explain(&mut receipt, &refusal);
            return (receipt, true);
        }
        let mut accepted = NumberSet::of(numbers.first, numbers.last);
        for reception in here {
            accepted = accepted.and(&reception.acceptance.watch(numbers.stream));
            if let Some(refusal) = reception.acceptance.refusal_of(numbers) {
                explain(&mut receipt, &refusal);
            }
        }
        let is_complete = accepted.covers(numbers.first, numbers.last);
        if is_complete {
            (receipt.reason, receipt.detail) = (0, String::new());
        }
        receipt.accepted = accepted
            .ranges()
            .map(|(first, last)| NumberRange { first, last })
            .collect();
        (receipt, is_complete)
    }

    /// Whether messages of this publisher are believed now.
    fn judge_publisher(&self, facts: &WriterFacts) -> Result<(), Refusal> {
        let now_ns = clock::now_ns();
        let standing = self.trust.standing(facts, now_ns);
        let latest_ns = self.trust.latest(now_ns);
        self.believer
            .judge(
                facts,
                &facts.topic,
                facts.exclusive,
                &standing.policy,
                standing.permit()?,
                latest_ns,
            )
            .map(drop)
    }

    fn send_receipt(&self, query: &Query, asked: &Asked, receipt: Receipt) {
        let place = DocumentPlace {
            kind: Kind::Response,
            context: receipt_context(&self.domain, &asked.publisher.topic, &asked.digest),
            writer: Writer::derive(self.name.as_str(), "@receipt", 0),
            epoch: self.epoch,
            number: self.next_card_number(),
            time_ns: clock::now_ns(),
        };
        match document::seal(&self.identity, &receipt, &place) {
            Ok(bytes) => {
                let answer_on = key_expr::receipts(&self.domain, &self.public_key(), self.epoch, &self.name);
                // Whoever has gone meanwhile needs no answer.
                let _ = query.reply(&answer_on, bytes);
            }
            Err(refusal) => self.refuse_document(refusal),
        }
    }
}

impl Waiting {
    fn key(&self) -> PublicKey {
        match &self.request {
            Request::Stranger(key) => *key,
            Request::Asked(asked) => asked.numbers.stream.key,
        }
    }
}

fn explain(receipt: &mut Receipt, refusal: &Refusal) {
    receipt.reason = refusal.reason.number();
    let detail = refusal.detail.as_ref();
    receipt.detail = detail
        .get(..detail.floor_char_boundary(DETAIL_MAX))
        .unwrap_or_default()
        .to_owned();
}
