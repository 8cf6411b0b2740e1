//! Health: whether a node does its work, and if not, what is wrong, where, and what to do about it.
//!
//! Health is a state, not an event: a finding stands as long as what it is about lasts, or for [`LATELY`] after it last
//! happened. What strangers can cause, such as refusals, is a warning at most: nobody can have a node restarted by sending
//! it nonsense.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// How long a finding stands after what it is about has last happened.
pub const LATELY: Duration = Duration::from_secs(10);

/// How well a node does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// How full the queues are: those of publishers, subscriptions and service servers.
    pub queues: Vec<QueueUse>,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Nothing is found to be wrong.
    #[default]
    Ok,
    /// The node does its work, but somebody should look.
    Warning,
    /// Messages are lost, or will be.
    Error,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// How bad it is.
    pub level: Level,
    /// The topic, service or node that it concerns; empty: the node as a whole.
    pub subject: String,
    /// What was found, in one line.
    pub found: String,
    /// What to do about it, in one line.
    pub remedy: Cow<'static, str>,
}

/// How full one queue is.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueUse {
    /// Whose queue it is.
    pub kind: QueueKind,
    /// The topic or service.
    pub subject: String,
    /// How full it is: 0 is empty, 1 is full.
    pub fraction: f64,
}

/// Whose queue it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum QueueKind {
    /// Messages of a publisher that wait to be signed and sent.
    Publisher,
    /// Messages of a subscription that wait to be taken.
    Subscription,
    /// Requests that wait for a server's handler.
    Server,
}

impl Health {
    /// The worst of the findings.
    pub fn level(&self) -> Level {
        self.findings
            .iter()
            .map(|finding| finding.level)
            .max()
            .unwrap_or_default()
    }

    /// Whether the node does its work: there may be warnings, but no error.
    pub fn is_healthy(&self) -> bool {
        self.level() < Level::Error
    }
}

impl Level {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl QueueKind {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Subscription => "subscription",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.subject.is_empty() {
            write!(f, "{}: ", self.subject)?;
        }
        write!(f, "{}; {}", self.found, self.remedy)
    }
}

macro_rules! finding_kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $level:ident, $remedy:literal;)*) => {
        /// What kind of thing is wrong.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum FindingKind {
            $($(#[$doc])* $kind,)*
        }

        impl FindingKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The word for it in JSON and in counters.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// How bad it is.
            pub const fn level(self) -> Level {
                match self {
                    $(Self::$kind => Level::$level,)*
                }
            }

            /// What to do about it, in one line.
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Self::$kind => $remedy,)*
                }
            }
        }
    };
}

finding_kinds!(
    /// The node is closed.
    Closed = "closed", Error, "open another node";
    /// The router of this machine is gone.
    RouterLost = "router_lost", Error, "start it anew with `nuncio router`";
    /// The node was told where to connect, and has no link.
    NoLink = "no_link", Error, "see that what it connects to runs and can be reached";
    /// The certificate of the node's key is not valid any more.
    CertificateExpired = "certificate_expired", Error, "have it renewed: `nuncio trust sign` where the anchor's key is";
    /// The certificate of the node's key is valid for a few more days only.
    CertificateExpires = "certificate_expires", Warning, "have it renewed: `nuncio trust sign` where the anchor's key is";
    /// A trust file that has changed is not in force.
    TrustProblem = "trust_problem", Warning, "mend the file; it is read again at once";
    /// First keys could not be pinned on disk.
    PinProblem = "pin_problem", Warning, "see that the keystore's folder can be written";
    /// The clock of this machine was set while the node runs.
    ClockSet = "clock_set", Warning, "see what sets the clock; ages and certificates are judged by it";
    /// The clock of another node stands apart from ours.
    ClockOffset = "clock_offset", Warning, "synchronise the clocks of both machines";
    /// Messages that were published did not leave.
    PublishFailed = "publish_failed", Error, "the link is down or takes nothing; see `nuncio doctor`";
    /// `publish` has given messages up because there was no room in time.
    PublishTimedOut = "publish_timed_out", Error, "publish less, or look for the subscriber or link that is slow";
    /// `publish` has to wait for room.
    PublishBlocked = "publish_blocked", Warning, "the link or the signatures do not keep up: publish less, or raise the signing budget";
    /// A best-effort publisher has dropped messages.
    PublishDropped = "publish_dropped", Warning, "the link or the signatures do not keep up: publish less, or raise the signing budget";
    /// Nothing was published within the deadline.
    OfferedDeadlineMissed = "offered_deadline_missed", Error, "publish in time, or offer a longer deadline";
    /// Nothing came within the deadline.
    RequestedDeadlineMissed = "requested_deadline_missed", Error, "see whether its publishers are well and the link is quick";
    /// A publisher has not shown that it is alive.
    LivelinessLost = "liveliness_lost", Error, "see whether its program hangs: `nuncio node health` of its node";
    /// Messages were lost on the way.
    MessagesLost = "messages_lost", Error, "look for a slow link or subscriber; a reliable profile asks again for what is lost";
    /// A full queue drops messages.
    QueueOverflow = "queue_overflow", Warning, "take messages faster, or raise the depth of the profile";
    /// Messages were too old before anybody took them.
    Expired = "expired", Warning, "take messages faster, or give them a longer lifespan";
    /// A publisher offers less than is requested.
    IncompatibleQos = "incompatible_qos", Warning, "offer more or request less; `nuncio topic info -v` shows both profiles";
    /// Requests found no room to wait.
    RequestOverflow = "request_overflow", Error, "answer faster, call less often, or raise the depth of the server";
    /// Messages are refused.
    Refused = "refused", Warning, "`nuncio doctor --reasons` tells what each reason means";
);
