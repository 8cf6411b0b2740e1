//! The vocabulary.
pub mod message;
pub mod type_hash;
pub use message::Message;
pub use type_hash::TypeHash;
