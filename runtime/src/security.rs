//! Who says what: keys, and what a machine remembers about keys.
//!
//! - [`key`]: Ed25519 keys, their text form `did:key:z6Mk…`, signing and strict verification.

pub mod key;

mod public_key;
