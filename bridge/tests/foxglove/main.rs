//! The Foxglove face, over real sockets and real links, with a viewer of raw frames.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is its job"
)]

mod bad_input;
mod login;
mod publishing;
mod services;
mod signers;
mod sim_time;
mod stage;
mod topics;
mod viewer;
