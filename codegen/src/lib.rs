//! The schema compiler.
pub mod model;
