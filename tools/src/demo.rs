//! The demonstration: robots, an operator and an attacker, in earnest, on one network.
//!
//! Every node has a link and a key of its own. Two robots publish, one of them led by a language model; an operator
//! listens to all of it; an attacker on the same network forges, alters, redirects and repeats. At the end everything
//! genuine must have arrived and nothing else, and every forged frame must have been refused for a reason.
//!
//! What arrived is judged by its content ([`topic`]) and its numbers ([`ledger`]), not by the verifier's own word.

mod attacker;
mod forgery;
mod ledger;
mod operator;
mod robot;
mod screen;
mod tally;
mod topic;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use nuncio::link::LinkError;
use nuncio::name::NameError;
use nuncio::{Identity, PublishError, PublisherError, SubscriberError};

use self::attacker::Attacker;
use self::operator::{Fates, Operator, holds_in_time};
use self::robot::Robots;
pub(crate) use self::screen::Presentation;
use self::screen::Screen;
use self::tally::Tally;
use self::topic::Topic;
use crate::fabric::{DEADLINE, Fabric, FabricError};

/// How long what is on its way may take to arrive when nothing more is sent.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long everybody may take to leave.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is wished.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DemoOptions {
    /// How long the attack lasts.
    pub(crate) duration: Duration,
    /// How it is shown.
    pub(crate) presentation: Presentation,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DemoSummary {
    /// Whether everything genuine arrived, nothing forged did, and every forged frame was refused for a reason.
    pub(crate) ok: bool,
}

/// Everybody who takes part.
#[derive(Debug)]
struct Scene {
    robots: Robots,
    operator: Operator,
    attacker: Attacker,
}

/// Plays the demonstration and shows it on standard output. Ctrl-C ends it early, with the summary.
///
/// # Errors
///
/// [`DemoError`] when it cannot be played; a bad end is no error, see [`DemoSummary::ok`].
pub(crate) async fn run(options: DemoOptions) -> Result<DemoSummary, DemoError> {
    let pilot_key = Identity::generate().map_err(DemoError::Randomness)?;
    let earlier = robot::record_earlier_run(&pilot_key).await?;
    let mut fabric = new_fabric()?;
    let robots = Robots::open(&mut fabric, &pilot_key).await?;
    let operator = Operator::open(&mut fabric, &robots).await?;
    robots.meet(&operator).await?;

    let attacker = tokio::select! {
        Err(error) = robots.run() => return Err(error),
        joined = join_attacker(&mut fabric, &robots, &operator, earlier) => joined?,
    };
    let scene = Scene {
        robots,
        operator,
        attacker,
    };
    let before = scene.operator.fates();
    let mut screen = Screen::new(options.presentation, options.duration);
    let start = Instant::now();
    let played = tokio::select! {
        Err(error) = scene.robots.run() => Err(error),
        Err(error) = scene.attacker.run() => Err(error),
        Err(error) = keep_showing(&scene, &before, &mut screen, start) => Err(DemoError::Output(error)),
        () = tokio::time::sleep(options.duration) => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed.map_err(DemoError::Signal),
    };
    played?;
    let elapsed = start.elapsed();
    holds_in_time(DRAIN_TIMEOUT, || Tally::of(&scene, &before).is_settled()).await;
    let tally = Tally::of(&scene, &before).concluded();
    screen.conclude(&tally, elapsed).map_err(DemoError::Output)?;
    let ok = tally.problems().is_empty();
    close(&scene).await;
    Ok(DemoSummary { ok })
}

/// The network that the demonstration is played on.
fn new_fabric() -> Result<Fabric, FabricError> {
    Fabric::new("demo")
}

/// Lets the attacker in once the operator knows who is who.
async fn join_attacker(
    fabric: &mut Fabric,
    robots: &Robots,
    operator: &Operator,
    earlier: Vec<u8>,
) -> Result<Attacker, DemoError> {
    operator.hear_everybody().await?;
    Attacker::join(fabric, robots, operator, earlier).await
}

async fn keep_showing(
    scene: &Scene,
    before: &Fates,
    screen: &mut Screen,
    start: Instant,
) -> Result<Infallible, io::Error> {
    let mut tick = tokio::time::interval(screen.period());
    loop {
        tick.tick().await;
        screen.show(&Tally::of(scene, before), start.elapsed())?;
    }
}

/// Everybody leaves. Everything is counted and shown by now, so that it does not matter whether they do so in order.
async fn close(scene: &Scene) {
    let leave = async {
        _ = scene.attacker.leave().await;
        _ = scene.operator.close().await;
        _ = scene.robots.close().await;
    };
    _ = tokio::time::timeout(CLOSE_TIMEOUT, leave).await;
}

/// Why the demonstration could not be played.
#[derive(Debug)]
pub(crate) enum DemoError {
    /// The operating system has no randomness for keys.
    Randomness(io::Error),
    /// Somebody could not join.
    Fabric(FabricError),
    /// A name breaks the rules.
    Name(NameError),
    /// A link failed.
    Link(LinkError),
    /// There is no publisher.
    Publisher(PublisherError),
    /// There is no subscriber.
    Subscriber(SubscriberError),
    /// A message could not be published.
    Publish(PublishError),
    /// Nothing was heard on a topic.
    Silent(Topic),
    /// What the attacker puts on a topic does not reach the operator.
    Unreachable(Topic),
    /// Ctrl-C cannot be listened for.
    Signal(io::Error),
    /// Standard output does not take what is shown.
    Output(io::Error),
}

impl DemoError {
    /// Whether standard output was closed by whoever read it, which is no failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<FabricError> for DemoError {
    fn from(error: FabricError) -> Self {
        Self::Fabric(error)
    }
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waited = DEADLINE.as_secs();
        match self {
            Self::Randomness(error) => write!(f, "no key could be made: {error}"),
            Self::Fabric(error) => fmt::Display::fmt(error, f),
            Self::Name(error) => fmt::Display::fmt(error, f),
            Self::Link(error) => fmt::Display::fmt(error, f),
            Self::Publisher(error) => fmt::Display::fmt(error, f),
            Self::Subscriber(error) => fmt::Display::fmt(error, f),
            Self::Publish(error) => fmt::Display::fmt(error, f),
            Self::Silent(topic) => {
                write!(
                    f,
                    "nothing was heard on {topic} within {waited} s; is the machine overloaded?"
                )
            }
            Self::Unreachable(topic) => write!(f, "the attacker's frames on {topic} do not reach the operator"),
            Self::Signal(error) => write!(f, "Ctrl-C cannot be listened for: {error}"),
            Self::Output(error) => write!(f, "standard output cannot be written to: {error}"),
        }
    }
}

impl std::error::Error for DemoError {}
