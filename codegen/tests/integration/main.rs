//! The compiler from outside: what goes in are schema files, what comes out is compared.

#![cfg(test)]

mod corpus;
mod damage;
mod diagnostics;
mod diagnostics_all;
mod downstream;
mod golden;
mod idl;
mod refusals;
mod type_hashes;
mod vocabulary;
