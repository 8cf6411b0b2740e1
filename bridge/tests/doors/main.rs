//! Who comes in at the doors of all faces, and how: pages of other sites, tokens, TLS.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its job"
)]

mod pages;
mod site;
mod tls;
