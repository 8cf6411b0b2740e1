//! The wire is pinned, damage is tested exhaustively, and every check of the verifier is provoked.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

mod clocks;
mod damage;
mod later_subscription;
mod order_of_checks;
pub(crate) mod stage;
mod wire;
