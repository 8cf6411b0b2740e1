//! The refusal ledger of a node: whatever is refused, wherever in the node that is, is counted, kept for a while and said here.

use std::sync::Arc;

use crate::clock;
use crate::name::TopicName;
use crate::queue::Queue;
use crate::recent_refusals::RecentRefusals;
use crate::rosout;
use crate::security::peers::Peers;
use crate::security::refusal::{Reason, Refusal};
use crate::sign_of_life::ticks;
use crate::stats::RefusalCounters;
use crate::talk_limit::TalkLimit;

/// How many refusals are kept for whoever wants to read them; older ones are only counted.
pub(crate) const REFUSALS_KEPT: usize = 256;

/// A refusal and where it happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefusalEvent {
    /// The topic that the frame arrived on.
    pub topic: TopicName,
    /// The reason and what was found.
    pub refusal: Refusal,
}

/// Where the refusals of a node end up.
#[derive(Debug)]
pub(crate) struct RefusalLedger {
    /// Those that nobody has read yet.
    pub(crate) unread: Queue<RefusalEvent>,
    pub(crate) counters: RefusalCounters,
    /// What was refused lately, for whoever asks.
    pub(crate) recent: RecentRefusals,
    peers: Arc<Peers>,
    talk: TalkLimit<Reason>,
}

impl RefusalLedger {
    pub(crate) fn new(peers: Arc<Peers>) -> Self {
        Self {
            unread: Queue::new(REFUSALS_KEPT),
            counters: RefusalCounters::default(),
            recent: RecentRefusals::default(),
            peers,
            talk: TalkLimit::default(),
        }
    }

    /// Counts a refusal, says it if that is due, and keeps it.
    pub(crate) fn enter(&self, event: RefusalEvent) {
        let RefusalEvent { topic, refusal } = &event;
        self.counters.count(refusal.reason);
        let claimed = refusal.claimed_key.and_then(|key| self.peers.known_key(key));
        if let Some(known) = &claimed {
            known.note_refused();
        }
        let key = refusal.claimed_key.filter(|_| claimed.is_some());
        self.recent.enter(&event, key, clock::now_ns());
        if let Some(held_back) = self.talk.turn(refusal.reason, ticks()) {
            let remedy = refusal.reason.remedy();
            rosout::say!(
                WARN,
                topic.as_str(),
                held_back,
                "refused on {topic}: {refusal}; {remedy}"
            );
        }
        self.unread.push(event);
    }
}
