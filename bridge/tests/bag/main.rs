//! Recordings: what is written, what is read, and what verification finds out.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]
#![allow(clippy::indexing_slicing, reason = "a test that panics has failed, which is its job")]

mod damage;
mod extracts;
mod format;
mod mint;
mod reading;
mod tampering;
