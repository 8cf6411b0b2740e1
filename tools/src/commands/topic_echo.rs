//! `topic echo`: the messages of a topic, each with who signed it. What is not a verified message of its type is
//! refused and told about, never shown.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use nuncio::graph::Graph;
use nuncio::run_time_type::DecodeError;
use nuncio::{
    ApprovalState, GenericReceived, GenericSubscriber, MessageInfo, PublicKey, QosProfile, Reason, SubscriptionOptions,
    SubscriptionStats,
};
use serde_json::Value;

use super::{CommandError, Outcome};
use crate::answers::message::ValueText;
use crate::answers::topic::EchoedMessage;
use crate::catalog::Catalog;
use crate::cli::TopicEcho;
use crate::known_types::KnownTypes;
use crate::message_filter::MessageFilter;
use crate::refusal_talk::{RefusalTalk, summary};
use crate::render::{OutputError, Render, Tone, bytes, count, hex, span, utc};
use crate::session::Session;
use crate::shown_message::Read;
use crate::signed_by;
use crate::silence;

/// How many messages wait while a definition is fetched or the terminal is slow.
const QUEUE_DEPTH: NonZeroUsize = NonZeroUsize::new(4096).expect("it is not zero");

/// How long `--once` and `--times` wait for a message unless `--timeout` says otherwise.
pub(super) const WAIT_FOR_MESSAGE: Duration = Duration::from_secs(10);

pub(super) async fn run(session: &mut Session<'_>, args: TopicEcho) -> Result<Outcome, CommandError> {
    let nobody = |_: &Graph| format!("nobody is known to publish on {}", args.topic);
    follow(session, &args, |_| {}, nobody).await
}

/// Shows messages as they come. `prepare` changes what people are shown of each; `nobody` says why there is no publisher.
pub(super) async fn follow(
    session: &mut Session<'_>,
    args: &TopicEcho,
    prepare: fn(&mut Value),
    nobody: impl Fn(&Graph) -> String,
) -> Result<Outcome, CommandError> {
    let limit = if args.once { Some(1) } else { args.times };
    let timeout = session.timeout.or(limit.map(|_| WAIT_FOR_MESSAGE));
    let everything = QosProfile {
        depth: QUEUE_DEPTH,
        ..QosProfile::best_available()
    };
    let options = SubscriptionOptions {
        qos: args.qos.profile(everything),
        accept_replay: args.replay,
        ..SubscriptionOptions::default()
    };
    let subscriber = session.node.generic_subscriber(args.topic.as_str(), options)?;
    let mut echo = Echo::new(args, session)?;
    echo.prepare = prepare;
    if let Some(filter) = &mut echo.filter {
        let catalog = Catalog::open(&session.interfaces)?;
        filter.look_ahead(session, &args.topic, &catalog).await?;
    }
    let node = session.node.clone();
    let explained = silence::explain(session.render, &node, &subscriber, nobody);
    let ended = {
        let printing = async {
            let printed = echo.print_all(&node, &subscriber, limit, timeout).await;
            session.render.flush()?;
            printed
        };
        tokio::select! {
            printed = printing => printed,
            () = session.interrupt.wished() => Ok(Ended::Wished),
            never = explained => match never {},
        }
    }?;
    session.render.flush()?;
    echo.tell_refusals(&node);
    if let Ended::Silence(waited) = ended {
        let waited = span(i64::try_from(waited.as_nanos()).unwrap_or(i64::MAX));
        session
            .render
            .note(format!("no message on {} for {waited}", args.topic));
    }
    Ok(echo.outcome(subscriber.stats()))
}

/// Why echoing ended.
#[derive(Debug)]
enum Ended {
    /// As many messages as wanted were shown.
    Enough,
    /// No message came for this long.
    Silence(Duration),
    /// Ctrl-C.
    Wished,
}

/// Shows messages, and tells about those that cannot be shown.
#[derive(Debug)]
pub(super) struct Echo<'a> {
    pub(super) args: &'a TopicEcho,
    pub(super) render: &'a Render,
    pub(super) types: KnownTypes,
    filter: Option<MessageFilter>,
    /// Changes what people are shown of a message.
    prepare: fn(&mut Value),
    talk: RefusalTalk,
    pub(super) shown: u64,
    /// Messages that do not satisfy the filter.
    left_out: u64,
    /// When the last message was shown, or when waiting for the first one began.
    last_shown: Instant,
    /// Messages that were verified but are none of their type, by reason.
    undecodable: BTreeMap<Reason, u64>,
}

impl<'a> Echo<'a> {
    pub(super) fn new(args: &'a TopicEcho, session: &Session<'a>) -> Result<Self, CommandError> {
        Ok(Self {
            args,
            render: session.render,
            types: KnownTypes::new(Catalog::open(&session.interfaces)?),
            filter: MessageFilter::of_session(session, args.shown.filter.filter.as_ref())?,
            prepare: |_| {},
            talk: RefusalTalk::default(),
            shown: 0,
            left_out: 0,
            last_shown: Instant::now(),
            undecodable: BTreeMap::new(),
        })
    }

    async fn print_all(
        &mut self,
        node: &nuncio::Node,
        subscriber: &GenericSubscriber,
        limit: Option<u64>,
        timeout: Option<Duration>,
    ) -> Result<Ended, CommandError> {
        self.last_shown = Instant::now();
        loop {
            let left = self.time_left(timeout);
            let received = match subscriber.try_recv() {
                _ if left == Some(Duration::ZERO) => return Ok(Ended::Silence(timeout.unwrap_or_default())),
                Ok(received) => received,
                Err(_) => {
                    self.render.flush()?;
                    match self.wait(node, subscriber, left).await? {
                        Some(received) => received,
                        None => return Ok(Ended::Silence(timeout.unwrap_or_default())),
                    }
                }
            };
            self.print(node, &received).await?;
            if limit.is_some_and(|limit| self.shown >= limit) {
                return Ok(Ended::Enough);
            }
        }
    }

    /// How long to wait on for a message that is shown: others do not make it longer.
    pub(super) fn time_left(&self, timeout: Option<Duration>) -> Option<Duration> {
        timeout.map(|timeout| timeout.saturating_sub(self.last_shown.elapsed()))
    }

    /// The next message, or `None` when none came in time. Meanwhile tells about refusals as they come.
    pub(super) async fn wait(
        &mut self,
        node: &nuncio::Node,
        subscriber: &GenericSubscriber,
        timeout: Option<Duration>,
    ) -> Result<Option<GenericReceived>, CommandError> {
        let silence = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let mut silence = std::pin::pin!(silence);
        loop {
            tokio::select! {
                received = subscriber.recv() => return Ok(Some(received?)),
                event = node.next_refusal() => {
                    let refusal = event?.refusal;
                    self.tell(refusal.reason, &refusal.to_string());
                }
                () = &mut silence => return Ok(None),
            }
        }
    }

    /// Shows a message; `false` when it is none of its type, or does not satisfy the filter.
    pub(super) async fn print(
        &mut self,
        node: &nuncio::Node,
        received: &GenericReceived,
    ) -> Result<bool, CommandError> {
        if self.args.raw {
            self.print_raw(received)?;
            self.shown += 1;
            self.last_shown = Instant::now();
            return Ok(true);
        }
        let fetching = self.types.of(node, received.message());
        let codec = match fetching.await {
            Ok(codec) => codec,
            Err(error) => {
                self.refuse(received, Reason::DecodeFailed, &error.to_string());
                return Ok(false);
            }
        };
        let (is_json, shown) = (self.render.is_json(), &self.args.shown);
        let read = codec
            .check(received.payload())
            .and_then(|()| shown.read(codec, received.payload(), is_json));
        let text = match read {
            Ok(Read::Text(text)) => text,
            Ok(Read::Message(mut message)) => {
                if let Some(filter) = &mut self.filter {
                    let known = filter.known(&received.info());
                    if !filter.passes(codec, received.type_hash(), &message, &known) {
                        self.left_out += 1;
                        return filter.misfit().map_or(Ok(false), |misfit| Err(misfit.into()));
                    }
                }
                if !is_json {
                    (self.prepare)(&mut message);
                }
                if shown.csv_header && self.shown == 0 {
                    self.render.line(None, &shown.csv_names(codec, message.clone())?)?;
                }
                shown.text(codec, message, is_json)?
            }
            Err(error) => {
                let reason = match &error {
                    DecodeError::Limit(_) => Reason::LimitViolated,
                    _ => Reason::DecodeFailed,
                };
                self.refuse(received, reason, &error.to_string());
                return Ok(false);
            }
        };
        self.print_message(received, &text)?;
        self.shown += 1;
        self.last_shown = Instant::now();
        Ok(true)
    }

    fn print_message(&self, received: &GenericReceived, text: &str) -> Result<(), OutputError> {
        let info = received.info();
        if self.render.is_json() {
            let mut echoed = echoed(&info, received);
            echoed.message = Some(ValueText);
            return self.render.answer_with(&echoed, text);
        }
        if self.args.shown.csv {
            return self.render.line(None, text);
        }
        self.print_head(&info, received)?;
        self.render.lines(text)?;
        self.render.line(Some(Tone::Quiet), "---")
    }

    fn print_raw(&self, received: &GenericReceived) -> Result<(), OutputError> {
        let (info, payload) = (received.info(), received.payload());
        if self.render.is_json() {
            let mut echoed = echoed(&info, received);
            echoed.payload = Some(hex(payload));
            return self.render.answer(&echoed);
        }
        self.print_head(&info, received)?;
        let head = format!(
            "# {} {}, {}",
            received.type_name(),
            received.type_hash(),
            bytes(payload.len() as f64)
        );
        self.render.line(Some(Tone::Quiet), &head)?;
        for row in payload.chunks(32) {
            self.render.line(None, &hex(row))?;
        }
        self.render.line(Some(Tone::Quiet), "---")
    }

    /// The header above a message: a comment, so that what is printed stays YAML.
    fn print_head(&self, info: &MessageInfo, received: &GenericReceived) -> Result<(), OutputError> {
        self.render.line(Some(Tone::Quiet), &signed_by::head(info))?;
        if !self.args.verbose {
            return Ok(());
        }
        let mut facts = vec![
            format!("# signer {}, epoch {}", info.signer, info.epoch),
            format!("# type {} {}", received.type_name(), received.type_hash()),
            format!("# published {}, {}", utc(info.source_time_ns), info.provenance.as_str()),
            format!("# id {}", info.id()),
        ];
        facts.extend(info.cause.map(|cause| format!("# caused by {cause}")));
        if let ApprovalState::By(keys) = &info.approval {
            facts.push(format!(
                "# approved by {}",
                signed_by::joined(keys, PublicKey::to_string)
            ));
        }
        facts.extend(info.origin.as_ref().map(|origin| format!("# on behalf of {origin}")));
        facts
            .iter()
            .try_for_each(|fact| self.render.line(Some(Tone::Quiet), fact))
    }

    fn refuse(&mut self, received: &GenericReceived, reason: Reason, what: &str) {
        *self.undecodable.entry(reason).or_default() += 1;
        let info = received.info();
        self.tell(reason, &format!("{reason}: #{} of {}: {what}", info.number, info.node));
    }

    pub(super) fn tell(&mut self, reason: Reason, what: &str) {
        if let Some(line) = self.talk.line(reason, what, Instant::now()) {
            self.render.warning(line);
        }
    }

    /// Tells what was refused and not read while messages came without a pause.
    pub(super) fn tell_refusals(&mut self, node: &nuncio::Node) {
        while let Some(event) = node.try_next_refusal() {
            self.tell(event.refusal.reason, &event.refusal.to_string());
        }
    }

    pub(super) fn outcome(&self, stats: SubscriptionStats) -> Outcome {
        let mut refused = stats.refused;
        for (reason, count) in &self.undecodable {
            *refused.entry(*reason).or_default() += count;
        }
        if stats.dropped > 0 {
            let dropped = stats.dropped;
            self.render
                .warning(format!("{dropped} messages came faster than they could be printed"));
        }
        if self.shown == 0 && self.left_out > 0 {
            let messages = count(usize::try_from(self.left_out).unwrap_or(usize::MAX), "message");
            self.render
                .note(format!("{messages} came, and none satisfies the filter"));
        }
        match summary(&refused) {
            Some(line) => {
                self.render.warning(line);
                Outcome::Refused
            }
            None if self.shown == 0 => Outcome::Nothing,
            None => Outcome::Found,
        }
    }
}

/// What is told of every message in JSON; neither the message nor its payload yet.
fn echoed<'a>(info: &'a MessageInfo, received: &'a GenericReceived) -> EchoedMessage<'a> {
    EchoedMessage {
        topic: info.topic.as_str(),
        type_name: received.type_name(),
        signer: info.signer.to_string(),
        verified: true,
        number: info.number,
        stamp_ns: info.source_time_ns,
        provenance: info.provenance.as_str(),
        node: info.node.as_str(),
        verdict: info.verdict.as_str(),
        missing_before: info.missing_before,
        id: info.id().to_string(),
        cause: info.cause.map(|cause| cause.to_string()),
        approved_by: match &info.approval {
            ApprovalState::By(keys) => Some(keys.iter().map(PublicKey::to_string).collect()),
            _ => None,
        },
        approval: matches!(info.approval, ApprovalState::Pending).then_some("pending"),
        origin: info.origin.as_deref(),
        payload: None,
        message: None,
    }
}
