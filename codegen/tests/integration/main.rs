//! The compiler from outside: what goes in are schema files, what comes out is compared.

mod damage;
mod type_hashes;
