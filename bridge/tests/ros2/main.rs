//! The ROS 2 face between real sessions: nodes of ROS made of raw Zenoh on one side, nodes of Nuncio on the other.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is its job"
)]

mod actions;
mod hostile;
mod loops;
mod proofs;
mod services;
mod stand_in;
mod strange_types;
mod topics;
