//! The schema compiler: ROS 2 interface files (`.msg`, `.srv`, `.action`) become Rust types.
//!
//! In reading order, each stage a function from what the one before it returned:
//! files on disk → syntax tree → model → type description → type hash → Rust text.
//!
//! A package compiles its own interfaces with a `build.rs` of three lines, see [`build`]. Programs that meet types
//! at run time use [`compile`] and [`describe`].

mod ast;
mod build_script;
mod compile;
mod definition;
mod diagnostic;
mod emit;
mod facts;
pub mod model;
mod near_name;
mod parse;
mod resolve;
mod source;
mod type_description;
mod type_hash;

pub use build_script::{Build, BuildError, build};
pub use compile::{Interfaces, MAX_DEFINITIONS, MAX_DEFINITIONS_LEN, compile, describe};
pub use definition::{join_definitions, split_definitions};
pub use diagnostic::{Diagnostic, Diagnostics, MAX_PROBLEMS};
pub use emit::{Target, emit};
pub use near_name::near_names;
pub use source::{Folder, MAX_FILE_LEN, SourceFile, read_folder};
pub use type_description::{PLACEHOLDER_MEMBER, type_description_json, type_id};
pub use type_hash::{type_hash, type_hash_text};
