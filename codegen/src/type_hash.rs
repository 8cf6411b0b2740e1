//! Stage 4: the RIHS01 type hash of a type description: SHA-256 over its JSON text without default values.

use sha2::{Digest, Sha256};

use crate::model::TypeDescription;
use crate::type_description::{DefaultValues, json};

/// The 32 bytes of the RIHS01 hash, equal to the one that ROS 2 computes.
pub fn type_hash(description: &TypeDescription) -> [u8; 32] {
    Sha256::digest(json(description, DefaultValues::Omitted)).into()
}

/// The text form of a type hash: `RIHS01_` and 64 hexadecimal digits.
pub fn type_hash_text(hash: &[u8; 32]) -> String {
    hash.iter()
        .fold(String::from("RIHS01_"), |text, byte| format!("{text}{byte:02x}"))
}
