//! The gRPC face between a real node and real gRPC clients.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]
#![allow(clippy::indexing_slicing, reason = "a test that panics has failed, which is its job")]

mod publishing;
mod refusals;
mod site;
mod subscribing;
mod types;
