//! What must hold for every type of the vocabulary.

#![cfg(test)]

mod every_message;
mod features;
mod type_hashes;
