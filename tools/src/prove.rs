//! Attacks on this very build, each with a verdict.
//!
//! Every attack goes through the code that a live subscription uses: the verifier alone ([`bitflip`], [`forge`],
//! [`splice`]), or whole nodes over real links ([`replay`], [`stranger`], [`router`]), or processes of their own
//! ([`flood`], [`restart`], [`durable`]). Each has genuine frames beside the hostile ones: an attack on a node that delivers
//! nothing at all would prove nothing.
//!
//! What arrived is judged by its content and its numbers, not by the verifier's own word.

mod bitflip;
mod courier;
mod durable;
mod durable_parts;
mod flood;
mod flooder;
mod forge;
mod mutation;
mod part;
mod parts;
mod random;
mod replay;
mod report;
mod restart;
mod router;
mod specimen;
mod splice;
mod stranger;
mod witness;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use crate::cli::Attack;

pub(crate) use self::parts::run as run_part;
pub(crate) use self::report::Report;

/// How long anything that has to happen may take. Far longer than it does take: a machine may be busy.
const DEADLINE: Duration = crate::fabric::DEADLINE;

/// How an attack is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How many attempts.
    pub(crate) n: u64,
    /// What the random choices are made from.
    pub(crate) seed: u64,
}

/// The attack's name on the command line.
pub(crate) fn name(attack: Attack) -> String {
    attack
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// What it does, in a line.
pub(crate) fn what(attack: Attack) -> String {
    attack
        .to_possible_value()
        .and_then(|value| value.get_help().map(ToString::to_string))
        .unwrap_or_default()
}

/// How many attempts are made unless somebody says otherwise. What an attempt is, differs: a frame for most, a killing
/// for [`restart`], a round of them for [`durable`]; [`bitflip`] and [`splice`] go round that often.
pub(crate) const fn attempts(attack: Attack) -> u64 {
    match attack {
        Attack::Bitflip => 1,
        Attack::Forge => 1_000_000,
        Attack::Replay => 2_000,
        Attack::Splice => 100,
        Attack::Stranger => 100_000,
        Attack::Flood => 500_000,
        Attack::Router => 2_000,
        Attack::Restart => 12,
        Attack::Durable => 200,
    }
}

/// A number that nobody knows in advance.
///
/// # Errors
///
/// When the operating system has no randomness.
pub(crate) fn fresh_seed() -> Result<u64, ProveError> {
    let identity = nuncio::Identity::generate().map_err(failed("making a seed"))?;
    // Not the whole of it: readers of JSON keep 53 bits of a number.
    let [a, b, c, d, e, f, ..] = *identity.public_key().as_bytes();
    Ok(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
}

/// Makes one attack.
///
/// # Errors
///
/// [`ProveError`] when it could not be made; an attack that succeeded is no error, see [`Report::is_ok`].
pub(crate) async fn run(attack: Attack, settings: Settings) -> Result<Report, ProveError> {
    match attack {
        Attack::Bitflip => in_a_thread(move || bitflip::run(settings)).await,
        Attack::Forge => in_a_thread(move || forge::run(settings)).await,
        Attack::Splice => in_a_thread(move || splice::run(settings)).await,
        Attack::Replay => replay::run(settings).await,
        Attack::Stranger => stranger::run(settings).await,
        Attack::Flood => flood::run(settings).await,
        Attack::Router => router::run(settings).await,
        Attack::Restart => restart::run(settings).await,
        Attack::Durable => durable::run(settings).await,
    }
}

async fn in_a_thread(work: impl FnOnce() -> Result<Report, ProveError> + Send + 'static) -> Result<Report, ProveError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(failed("running the attack"))?
}

/// Why an attack could not be made.
#[derive(Debug)]
pub(crate) enum ProveError {
    /// Something that the attack needs did not work.
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        error: Box<dyn Error + Send + Sync>,
    },
    /// Something that had to happen did not happen in time.
    Late {
        /// What.
        what: String,
    },
}

fn failed<E: Into<Box<dyn Error + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> ProveError {
    move |error| ProveError::Failed {
        doing,
        error: error.into(),
    }
}

fn late(what: impl Into<String>) -> ProveError {
    ProveError::Late { what: what.into() }
}

impl fmt::Display for ProveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { doing, error } => write!(f, "{doing} failed: {error}"),
            Self::Late { what } => write!(
                f,
                "{what} did not happen within {} s; is the machine overloaded?",
                DEADLINE.as_secs()
            ),
        }
    }
}

impl Error for ProveError {}
