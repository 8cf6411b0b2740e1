//! `topic hz`: how often messages arrive, how regularly, and how many are missing; a line per second.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use nuncio::{GenericReceived, GenericSubscriber, Node, QosProfile, TopicName, clock};
use tokio::time::MissedTickBehavior;

use super::{CommandError, Outcome};
use crate::answers::topic::{SignerRate, TopicRate};
use crate::arrivals::{Arrival, Arrivals};
use crate::catalog::Catalog;
use crate::cli::{FilterArg, QosArgs, TopicHz};
use crate::known_types::KnownTypes;
use crate::message_filter::MessageFilter;
use crate::refusal_talk::{RefusalTalk, summary};
use crate::render::{OutputError, Render, Tone, count, hz, short_key, span};
use crate::session::Session;

/// How many messages wait while others are counted.
const QUEUE_DEPTH: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");

const REPORT_PERIOD: Duration = Duration::from_secs(1);

pub(super) async fn run(session: &mut Session<'_>, args: TopicHz) -> Result<Outcome, CommandError> {
    let measuring = Measuring {
        topic: &args.topic,
        window: args.window,
        duration: args.duration,
        filter: &args.filter,
        qos: &args.qos,
        reads_stamps: false,
        report,
    };
    measuring.run(session).await
}

/// What `topic hz`, `topic bw` and `topic delay` share: count what arrives, report once per second and at the end.
pub(super) struct Measuring<'a> {
    pub(super) topic: &'a TopicName,
    pub(super) window: u32,
    pub(super) duration: Option<Duration>,
    pub(super) filter: &'a FilterArg,
    pub(super) qos: &'a QosArgs,
    /// Whether the stamps of headers are to be read.
    pub(super) reads_stamps: bool,
    pub(super) report: fn(&Render, &Report<'_>) -> Result<(), OutputError>,
}

/// What is reported at one moment.
pub(super) struct Report<'a> {
    pub(super) topic: &'a str,
    pub(super) arrivals: &'a Arrivals,
    pub(super) now_ns: i64,
    /// Whether it is the last one.
    pub(super) is_final: bool,
}

impl Report<'_> {
    /// Says how many messages there were, if there will be no more.
    ///
    /// # Errors
    ///
    /// When nothing can be written.
    pub(super) fn close(&self, render: &Render) -> Result<(), OutputError> {
        if !self.is_final {
            return Ok(());
        }
        let messages = count(usize::try_from(self.arrivals.total()).unwrap_or(usize::MAX), "message");
        let text = format!("{messages}, {} missing", self.arrivals.missing());
        render.line(Some(Tone::Strong), &text)
    }
}

impl Measuring<'_> {
    /// Measures until the time is up, nothing came for too long, or Ctrl-C.
    ///
    /// # Errors
    ///
    /// When nothing can be subscribed to or written.
    pub(super) async fn run(self, session: &mut Session<'_>) -> Result<Outcome, CommandError> {
        let everything = QosProfile {
            depth: QUEUE_DEPTH,
            ..QosProfile::best_available()
        };
        let subscriber = session
            .node
            .generic_subscriber(self.topic.as_str(), self.qos.profile(everything))?;
        let mut reader = Reader::new(&self, session)?;
        if let Some(filter) = &mut reader.filter {
            filter.look_ahead(session, self.topic, &reader.catalog).await?;
        }
        let (render, timeout) = (session.render, session.timeout);
        let window = usize::try_from(self.window).unwrap_or(usize::MAX);
        let (mut arrivals, mut talk) = (Arrivals::new(window), RefusalTalk::default());
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + REPORT_PERIOD, REPORT_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (start, mut last, mut was_silent) = (Instant::now(), Instant::now(), false);
        let time_is_up = tokio::time::sleep(self.duration.unwrap_or(FOREVER));
        let mut time_is_up = std::pin::pin!(time_is_up);
        loop {
            tokio::select! {
                received = subscriber.recv() => {
                    if reader.count(&mut arrivals, &session.node, &received?).await? {
                        (last, was_silent) = (Instant::now(), false);
                    }
                }
                event = session.node.next_refusal() => {
                    let refusal = event?.refusal;
                    if let Some(line) = talk.line(refusal.reason, &refusal.to_string(), Instant::now()) {
                        render.warning(line);
                    }
                }
                _ = ticks.tick() => {
                    if timeout.is_some_and(|timeout| last.elapsed() >= timeout) {
                        break;
                    }
                    let silent = last.elapsed() >= REPORT_PERIOD;
                    if silent && !was_silent && start.elapsed() >= REPORT_PERIOD {
                        render.note(format!("no message on {} for a second", self.topic));
                    }
                    was_silent = silent;
                    if !silent {
                        self.report(render, &arrivals, false)?;
                    }
                }
                () = session.interrupt.wished() => break,
                () = &mut time_is_up => break,
            }
        }
        while let Ok(received) = subscriber.try_recv() {
            reader.count(&mut arrivals, &session.node, &received).await?;
        }
        if arrivals.total() > 0 {
            self.report(render, &arrivals, true)?;
        }
        Ok(outcome(render, &subscriber, &arrivals))
    }

    fn report(&self, render: &Render, arrivals: &Arrivals, is_final: bool) -> Result<(), OutputError> {
        let report = Report {
            topic: self.topic.as_str(),
            arrivals,
            now_ns: clock::now_ns(),
            is_final,
        };
        (self.report)(render, &report)?;
        render.flush()
    }
}

/// Looks into messages, as far as what is measured needs it.
struct Reader {
    catalog: Catalog,
    types: KnownTypes,
    filter: Option<MessageFilter>,
    reads_stamps: bool,
}

impl Reader {
    fn new(measuring: &Measuring<'_>, session: &Session<'_>) -> Result<Self, CommandError> {
        let catalog = Catalog::open(&session.interfaces)?;
        Ok(Self {
            types: KnownTypes::new(catalog.clone()),
            catalog,
            filter: MessageFilter::of_session(session, measuring.filter.filter.as_ref())?,
            reads_stamps: measuring.reads_stamps,
        })
    }

    /// Counts a message; `false` if the filter leaves it out.
    async fn count(
        &mut self,
        arrivals: &mut Arrivals,
        node: &Node,
        received: &GenericReceived,
    ) -> Result<bool, CommandError> {
        let (info, frame) = (received.info(), received.message().frame());
        let codec = match self.reads_stamps || self.filter.is_some() {
            true => self.types.of(node, received.message()).await.ok(),
            false => None,
        };
        if let Some(filter) = &mut self.filter {
            // What cannot be read satisfies no condition.
            let read = codec.and_then(|codec| Some((codec, codec.to_json(received.payload()).ok()?)));
            let Some((codec, message)) = read else { return Ok(false) };
            if !filter.passes(codec, received.type_hash(), &message, &filter.known(&info)) {
                return filter.misfit().map_or(Ok(false), |misfit| Err(misfit.into()));
            }
        }
        let header_ns = codec
            .filter(|_| self.reads_stamps)
            .and_then(|codec| codec.header_stamp_ns(received.payload()));
        let arrival = Arrival {
            time_ns: info.received_time_ns,
            payload_len: received.payload().len(),
            wire_len: frame.frame_bytes().len() / usize::from(frame.count().max(1)),
            delay_ns: info
                .received_time_ns
                .saturating_sub(header_ns.unwrap_or(info.source_time_ns)),
            is_since_header: header_ns.is_some(),
        };
        arrivals.add(arrival, (info.signer, info.node), info.missing_before);
        Ok(true)
    }
}

/// Longer than any measurement, shorter than what timers cannot count.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

fn outcome(render: &Render, subscriber: &GenericSubscriber, arrivals: &Arrivals) -> Outcome {
    let stats = subscriber.stats();
    if stats.dropped > 0 {
        render.warning(format!(
            "{} messages came faster than they could be counted",
            stats.dropped
        ));
    }
    if let Some(line) = summary(&stats.refused) {
        render.warning(line);
        return Outcome::Refused;
    }
    match arrivals.total() {
        0 => {
            render.note(format!("no message on {}", subscriber.topic()));
            Outcome::Nothing
        }
        _ => Outcome::Found,
    }
}

fn report(render: &Render, report: &Report<'_>) -> Result<(), OutputError> {
    let arrivals = report.arrivals;
    let rhythm = arrivals.rhythm();
    let several = arrivals.signers().count() > 1;
    if render.is_json() {
        let signers = arrivals.signers().map(|(key, node, counted)| SignerRate {
            signer: key.to_string(),
            node: node.as_str(),
            messages: counted.total,
            missing: counted.missing,
        });
        return render.answer(&TopicRate {
            topic: report.topic,
            rate_hz: rhythm.map(|rhythm| rhythm.rate),
            min_s: rhythm.map(|rhythm| rhythm.min),
            max_s: rhythm.map(|rhythm| rhythm.max),
            std_dev_s: rhythm.map(|rhythm| rhythm.std_dev),
            window: arrivals.window(),
            messages: arrivals.total(),
            missing: arrivals.missing(),
            signers: signers.collect(),
            is_final: report.is_final,
        });
    }
    report.close(render)?;
    let in_seconds = |seconds: f64| span((seconds * 1e9) as i64);
    match rhythm {
        None => render.line(None, "average rate: one message is not enough to tell")?,
        Some(rhythm) => render.line(
            None,
            &format!(
                "average rate: {}  min: {}  max: {}  std dev: {}  window: {}  missing: {}",
                hz(rhythm.rate),
                in_seconds(rhythm.min),
                in_seconds(rhythm.max),
                in_seconds(rhythm.std_dev),
                arrivals.window(),
                arrivals.missing(),
            ),
        )?,
    }
    if several {
        for (key, node, counted) in arrivals.signers() {
            let text = format!(
                "  {} {node}: {} messages, {} missing",
                short_key(key),
                counted.total,
                counted.missing
            );
            render.line(None, &text)?;
        }
    }
    Ok(())
}
