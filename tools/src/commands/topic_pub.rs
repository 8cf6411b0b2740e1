//! `topic pub`: messages from YAML or JSON, checked against their schema, signed and published.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use nuncio::run_time_type::RunTimeType;
use nuncio::{Accompaniment, GenericPublisher, MessageId, QosProfile, TypeSupport, clock};
use tokio::time::{Interval, MissedTickBehavior};

use super::{CommandError, Outcome};
use crate::answers::topic::PublishedMessage;
use crate::catalog::Catalog;
use crate::cli::{GlobalArgs, TopicPub};
use crate::render::{Render, count};
use crate::session::Session;
use crate::values::{self, Lines, ValuesError};

/// How often a repeated message is published unless `--rate` says otherwise, as in ROS 2.
const RATE_DEFAULT: f64 = 1.0;

/// How long a limited number of messages waits for a subscriber unless `--wait` says otherwise.
const WAIT_FOR_SUBSCRIBER: Duration = Duration::from_secs(1);

/// How long the node stays after the last message. A subscriber that has not met this key yet asks the node for its
/// card before it believes the message, and `topic echo` may ask for the type's definition after that: two round trips.
const LINGER: Duration = Duration::from_millis(300);

/// What is to be published, read and checked before any node is opened.
pub(super) struct Prepared {
    args: TopicPub,
    support: TypeSupport,
    codec: RunTimeType,
    source: Source,
}

impl Prepared {
    /// Reads and checks the messages.
    ///
    /// # Errors
    ///
    /// When the type is unknown, or a message is none of the type.
    pub(super) fn new(global: &GlobalArgs, args: TopicPub) -> Result<Self, CommandError> {
        let catalog = Catalog::open(&global.interfaces)?;
        let support = catalog.support(catalog.find_message(&args.type_name)?)?;
        let codec = support.run_time_type()?;
        Ok(Self {
            source: Source::of(&args, &codec)?,
            args,
            support,
            codec,
        })
    }
}

pub(super) async fn run(session: &mut Session<'_>, prepared: Prepared) -> Result<Outcome, CommandError> {
    let Prepared {
        args,
        support,
        codec,
        source,
    } = prepared;
    let publisher =
        session
            .node
            .generic_publisher(args.topic.as_str(), &support, args.qos.profile(QosProfile::default()))?;
    let publisher = Arc::new(publisher);
    let mut publishing = Publishing {
        render: session.render,
        publisher: &publisher,
        codec,
        signer: session.node.public_key().to_string(),
        cause: args.cause,
        published: 0,
    };
    let ends = args.once || args.times.is_some() || matches!(source, Source::Stdin);
    let wait = args
        .wait
        .unwrap_or(if ends { WAIT_FOR_SUBSCRIBER } else { Duration::ZERO });
    let time_is_up = async {
        match session.timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let work = async {
        wait_for_subscriber(session.render, &publisher, wait).await?;
        publishing.all(source, &args).await
    };
    let ended = tokio::select! {
        ended = work => ended,
        () = session.interrupt.wished() => Ok(()),
        () = time_is_up => Ok(()),
    };
    // Also after a bad line: what was published before it shall arrive.
    let stay = match args.keep_alive {
        None if publisher.has_subscribers().unwrap_or(false) => LINGER,
        asked => asked.unwrap_or_default(),
    };
    if publishing.published > 0 && !stay.is_zero() {
        tokio::select! {
            () = tokio::time::sleep(stay) => {}
            () = session.interrupt.wished() => {}
        }
    }
    ended?;
    session
        .render
        .note(format!("published {}", count(publishing.published, "message")));
    Ok(match publishing.published {
        0 => Outcome::Nothing,
        _ => Outcome::Found,
    })
}

/// Where the messages come from.
#[derive(Debug)]
enum Source {
    /// These, one after the other, and again from the first.
    Templates(Vec<Template>),
    /// One from each line of stdin.
    Stdin,
}

/// A message that may be published many times.
#[derive(Debug)]
enum Template {
    /// Always the same payload.
    Fixed(Vec<u8>),
    /// It has a `now` somewhere, which each time means another time.
    Timed(String),
}

impl Source {
    /// Reads and checks all messages that are there already, before anything is published.
    fn of(args: &TopicPub, codec: &RunTimeType) -> Result<Self, CommandError> {
        let Some(file) = &args.file else {
            return match args.values.as_deref().unwrap_or_default() {
                "-" => Ok(Self::Stdin),
                text => Ok(Self::Templates(vec![Template::new(codec, text, String::new)?])),
            };
        };
        let documents = values::documents(file)?;
        let templates = documents.iter().enumerate().map(|(index, text)| {
            let place = || format!("{}, message {}: ", file.display(), index + 1);
            Template::new(codec, text, place)
        });
        Ok(Self::Templates(templates.collect::<Result<_, _>>()?))
    }
}

impl Template {
    fn new(codec: &RunTimeType, text: &str, place: impl FnOnce() -> String) -> Result<Self, ValuesError> {
        let now_ns = clock::now_ns();
        let at = |time_ns| values::payload(codec, text, time_ns);
        let payload = at(now_ns).map_err(|error| ValuesError::message(place(), codec.type_name(), error))?;
        Ok(match at(now_ns.saturating_add(1)) {
            Ok(later) if later == payload => Self::Fixed(payload),
            _ => Self::Timed(text.to_owned()),
        })
    }

    fn payload(&self, codec: &RunTimeType) -> Result<Cow<'_, [u8]>, ValuesError> {
        match self {
            Self::Fixed(payload) => Ok(Cow::Borrowed(payload)),
            Self::Timed(text) => values::payload(codec, text, clock::now_ns())
                .map(Cow::Owned)
                .map_err(|error| ValuesError::message(String::new(), codec.type_name(), error)),
        }
    }
}

struct Publishing<'a> {
    render: &'a Render,
    publisher: &'a GenericPublisher,
    codec: RunTimeType,
    signer: String,
    cause: Option<MessageId>,
    published: usize,
}

impl Publishing<'_> {
    async fn all(&mut self, source: Source, args: &TopicPub) -> Result<(), CommandError> {
        match source {
            Source::Templates(templates) => self.templates(&templates, args).await,
            Source::Stdin => self.stdin(args).await,
        }
    }

    async fn templates(&mut self, templates: &[Template], args: &TopicPub) -> Result<(), CommandError> {
        let mut ticks = ticks(args.rate.unwrap_or(RATE_DEFAULT));
        let limit = match args.once {
            true => Some(templates.len() as u64),
            false => args.times,
        };
        let counted = 0..limit.unwrap_or(u64::MAX);
        for (_, template) in counted.zip(templates.iter().cycle()) {
            ticks.tick().await;
            let payload = template.payload(&self.codec)?;
            self.publish(&payload)?;
        }
        Ok(())
    }

    async fn stdin(&mut self, args: &TopicPub) -> Result<(), CommandError> {
        let mut lines = Lines::new(tokio::io::stdin());
        let mut ticks = args.rate.map(ticks);
        let limit = if args.once { Some(1) } else { args.times };
        let mut sent = 0;
        while limit.is_none_or(|limit| sent < limit) {
            let Some((number, text)) = lines.next().await? else {
                return Ok(());
            };
            let wrong = |error| ValuesError::message(format!("line {number}: "), self.codec.type_name(), error);
            let payload = values::payload(&self.codec, &text, clock::now_ns()).map_err(wrong)?;
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            self.publish(&payload)?;
            sent += 1;
        }
        Ok(())
    }

    fn publish(&mut self, payload: &[u8]) -> Result<(), CommandError> {
        let with = Accompaniment {
            cause: self.cause,
            ..Accompaniment::default()
        };
        let published = self.publisher.publish(payload, with)?;
        self.published += 1;
        let topic = self.publisher.topic();
        if self.render.is_json() {
            self.render.answer(&PublishedMessage {
                topic: topic.as_str(),
                type_name: self.codec.type_name(),
                number: published.number,
                id: published.id().to_string(),
                signer: &self.signer,
            })?;
        } else {
            let text = format!("published #{} on {topic}, id {}", published.number, published.id());
            self.render.line(None, &text)?;
        }
        Ok(self.render.flush()?)
    }
}

fn ticks(rate: f64) -> Interval {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// Waits until somebody listens, for at most `wait`; says so when nobody does.
fn wait_for_subscriber<'a>(
    render: &'a Render,
    publisher: &Arc<GenericPublisher>,
    wait: Duration,
) -> impl Future<Output = Result<(), CommandError>> + 'a {
    let (publisher, topic) = (Arc::clone(publisher), publisher.topic().to_string());
    async move {
        if wait.is_zero() {
            return Ok(());
        }
        let waiting = tokio::task::spawn_blocking(move || publisher.wait_for_subscribers(wait));
        if !render.progress("waiting for a subscriber", waiting).await?? {
            render.note(format!("nobody subscribes to {topic} yet; publishing all the same"));
        }
        Ok(())
    }
}
