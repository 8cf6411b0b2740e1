//! The log: what a program says through `tracing`, published as `rcl_interfaces/msg/Log` on `/rosout`, signed by its node.
//!
//! ```no_run
//! use tracing_subscriber::layer::SubscriberExt;
//! use tracing_subscriber::util::SubscriberInitExt;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let node = nuncio::Node::builder("planner").open().await?;
//! tracing_subscriber::registry().with(nuncio::rosout::layer(&node)?).init();
//! tracing::warn!(left = 3, "the way is blocked");
//! # Ok(())
//! # }
//! ```
//!
//! `nuncio log` shows it. Whoever logs never waits: lines go into a queue of [`LINES_KEPT`], which a thread empties; when it
//! is full the oldest are dropped, and a line of the log says how many. What Zenoh says is not published, nor what is said
//! while a line is published: publishing it would say it again.
//!
//! The layer keeps its node open until the node is [closed](crate::Node::close).

use std::cell::Cell;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nuncio_msgs::rcl_interfaces::msg::Log;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::card::time_from_ns;
use crate::clock;
use crate::name::NodeName;
use crate::node::Node;
use crate::publish_error::{PublishError, PublisherError};
use crate::publisher::Publisher;
use crate::qos::QosProfile;
use crate::queue::Queue;

/// The topic that logs are published on, as in ROS 2.
pub const TOPIC: &str = "/rosout";

/// How many lines wait to be published.
pub const LINES_KEPT: usize = 1024;

/// The longest line, in bytes.
const LINE_LEN_MAX: usize = 4096;

/// What is said under this target is not published: it is about the log itself.
pub(crate) const UNLOGGED: &str = "nuncio::unlogged";

/// Says something about a topic. What is said about the log must not go into the log: it would come round for ever.
macro_rules! say {
    ($level:ident, $topic:expr, $held_back:expr, $($text:tt)+) => {
        if $topic == $crate::rosout::TOPIC {
            tracing::event!(target: $crate::rosout::UNLOGGED, tracing::Level::$level, held_back = $held_back, $($text)+);
        } else {
            tracing::event!(tracing::Level::$level, held_back = $held_back, $($text)+);
        }
    };
}
pub(crate) use say;

thread_local! {
    /// Whether this thread publishes lines of a log.
    static PUBLISHES: Cell<bool> = const { Cell::new(false) };
}

/// Publishes what is said at level `INFO` and above. One layer for each process is what one wants: all that a process says
/// goes there, whichever of its nodes it is about.
///
/// # Errors
///
/// [`RosoutError`] when the node is closed or there is no thread to be had.
pub fn layer<S>(node: &Node) -> Result<impl Layer<S> + use<S>, RosoutError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    layer_from(node, LevelFilter::INFO)
}

/// As [`layer`], from another level on.
///
/// # Errors
///
/// As [`layer`].
pub fn layer_from<S>(node: &Node, level: LevelFilter) -> Result<impl Layer<S> + use<S>, RosoutError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let publisher = node
        .publisher_with::<Log>(TOPIC, QosProfile::rosout())
        .map_err(RosoutError::Publisher)?;
    let lines = Arc::new(Queue::new(LINES_KEPT));
    let (taken, logger) = (Arc::clone(&lines), logger(node.name()));
    let name = logger.clone();
    thread::Builder::new()
        .name("nuncio/rosout".to_owned())
        .spawn(move || publish(&publisher, &taken, &name))
        .map_err(RosoutError::Thread)?;
    // Zenoh's crates all begin so.
    let heard = Targets::new()
        .with_default(level)
        .with_target("zenoh", LevelFilter::OFF)
        .with_target(UNLOGGED, LevelFilter::OFF);
    Ok(RosoutLayer { lines, logger }.with_filter(heard))
}

/// The name that ROS 2 gives the logger of a node: `robot_1.planner` for `/robot_1/planner`.
pub fn logger(node: &NodeName) -> String {
    node.as_str().trim_start_matches('/').replace('/', ".")
}

struct RosoutLayer {
    lines: Arc<Queue<Log>>,
    logger: String,
}

impl<S: Subscriber> Layer<S> for RosoutLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if PUBLISHES.get() {
            return;
        }
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        self.lines.push(Log {
            stamp: time_from_ns(clock::now_ns()),
            level: level(*metadata.level()),
            name: self.logger.clone(),
            msg: text.line(),
            file: metadata.file().unwrap_or_default().to_owned(),
            function: metadata.module_path().unwrap_or(metadata.target()).to_owned(),
            line: metadata.line().unwrap_or_default(),
        });
    }
}

impl Drop for RosoutLayer {
    fn drop(&mut self) {
        self.lines.close();
    }
}

/// Runs in the thread that publishes, until the layer or the node is gone.
fn publish(publisher: &Publisher<Log>, lines: &Queue<Log>, logger: &str) {
    PUBLISHES.set(true);
    let mut dropped_before = 0;
    while let Ok(line) = lines.take_timeout(Duration::MAX) {
        let dropped = lines.dropped();
        if dropped > dropped_before {
            let msg = format!(
                "{} lines were dropped here: more was logged than could be published",
                dropped - dropped_before
            );
            let told = Log {
                stamp: line.stamp.clone(),
                level: Log::WARN,
                name: logger.to_owned(),
                msg,
                ..Log::default()
            };
            dropped_before = dropped;
            let _ = publisher.publish(&told);
        }
        if matches!(publisher.publish(&line), Err(PublishError::Closed)) {
            return;
        }
    }
}

const fn level(level: Level) -> u8 {
    match level {
        Level::ERROR => Log::ERROR,
        Level::WARN => Log::WARN,
        Level::INFO => Log::INFO,
        _ => Log::DEBUG,
    }
}

/// The message of an event, and its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn line(self) -> String {
        let mut line = self.message;
        line.push_str(if line.is_empty() {
            self.fields.trim_start()
        } else {
            &self.fields
        });
        line.truncate(line.floor_char_boundary(LINE_LEN_MAX));
        line
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // How often something was held back is worth a word when it was.
        if field.name() != "held_back" || value > 0 {
            self.record_debug(field, &value);
        }
    }
}

/// Why nothing can be logged.
#[derive(Debug)]
#[non_exhaustive]
pub enum RosoutError {
    /// There is no publisher on `/rosout`.
    Publisher(PublisherError),
    /// No thread could be started.
    Thread(std::io::Error),
}

impl fmt::Display for RosoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publisher(error) => fmt::Display::fmt(error, f),
            Self::Thread(error) => write!(f, "no thread could be started to publish the log: {error}"),
        }
    }
}

impl std::error::Error for RosoutError {}
