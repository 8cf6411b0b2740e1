//! Nodes over real links.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

mod close;
mod corpus;
mod evolution;
mod first_contact;
mod gathering;
mod graph;
mod peers;
mod pub_sub;
mod queues;
mod refusals;
mod revocations;
mod rotation;
mod run_time_types;
mod trace;
mod trust;
mod trust_refusals;
