//! Who says what: keys, and what a machine remembers about keys.
//!
//! - [`key`]: Ed25519 keys, their text form `did:key:z6Mk…`, signing and strict verification.
//! - [`keystore`]: the node's own key, the epochs it has used and the keys it has pinned, on disk.
//!
//! The files of a keystore are Unix files: owners and mode bits are part of what is checked.

pub mod key;
pub mod keystore;

mod epoch;
mod known_toml;
mod pins;
mod public_key;
