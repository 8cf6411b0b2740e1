//! The rosbridge face between a real node and clients that speak WebSocket.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its job"
)]

mod actions;
mod bad_input;
mod configured;
mod login;
mod looking_around;
mod loops;
mod services;
mod site;
mod topics;
