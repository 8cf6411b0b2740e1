//! Why nothing arrives on a topic: facts gathered once, and what follows from them.
//!
//! ```text
//! facts       what was seen: links, graph, cards, the signed answers of nodes, what came while this program listened
//! diagnosis   facts -> causes, the most certain first; pure
//! cause       one cause: a sentence, and the one command that mends it
//! ```
//!
//! `gathering` and `elsewhere` do the looking. Everything else here is a function of the facts, and has no clock and no I/O.
//! What was not seen is not said. What only another node can know, such as whom it believes, is what that node has signed when
//! it was asked.

mod absence;
mod cause;
mod diagnosis;
mod elsewhere;
mod facts;
mod gathering;
mod pairing;
mod refusing;
mod traffic;
mod typing;

pub(crate) use self::cause::{Cause, Confidence, Kind};
pub(crate) use self::diagnosis::diagnose;
pub(crate) use self::elsewhere::try_endpoints;
pub(crate) use self::facts::{Asked, Facts, Reached};
pub(crate) use self::gathering::{gather, without_link};

#[cfg(test)]
mod tests;
