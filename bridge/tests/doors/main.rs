//! Who comes in at the doors of all faces, and how: pages of other sites, tokens, TLS, and too many at a time.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its job"
)]

mod crowd;
mod pages;
mod site;
mod tls;
