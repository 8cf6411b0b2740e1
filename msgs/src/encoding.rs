//! How messages are read, and how fields are serialised where serde's standard way is missing, slow or dangerous.
//!
//! The bytes in a payload are those that serde's standard way would give.

pub mod array;
pub mod empties;
pub mod fields;
pub mod floats;
pub mod octets;
