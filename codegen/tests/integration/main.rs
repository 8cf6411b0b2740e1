//! The compiler from outside: what goes in are schema files, what comes out is compared.

#![cfg(test)]

mod damage;
mod diagnostics;
mod downstream;
mod golden;
mod idl;
mod type_hashes;
mod vocabulary;
