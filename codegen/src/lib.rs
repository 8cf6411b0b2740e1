//! The schema compiler: ROS 2 interface files (`.msg`, `.srv`, `.action`, `.idl`) become Rust types.
//!
//! In reading order, each stage a function from what the one before it returned:
//! files on disk → syntax tree → model → type description → type hash → Rust text.
//!
//! A package compiles its own interfaces with a `build.rs` of three lines, see [`build()`]. Programs that meet types
//! at run time use [`compile()`] and [`describe`].
//!
//! # Annotations
//!
//! The language is that of ROS 2. What ROS 2 has no words for stands in comments, where ROS 2 sees prose: packages
//! stay packages of ROS 2, and type hashes do not change.
//!
//! | in the comment of a field | means |
//! |---|---|
//! | `@range [-1.5, 1.5]` | every number of the field lies between the two, both included; never NaN |
//! | `@finite` | neither NaN nor an infinity |
//! | `@enum MODE_` | the value is one of the message's constants whose names begin so |
//! | `@max_age 200ms` | on a `builtin_interfaces/Time` or `std_msgs/Header`: the stamp is this fresh (ns, us, ms, s, min, h) |
//! | `@unit m/s` | for readers; `[m/s]`, as ROS 2 has it, means the same |
//!
//! An integer field with `@enum` stays an integer, and gets a type beside it: for `mode` of `MotionCommand` that is
//! `MotionCommandMode`, with the constants by their short names, and `mode_enum` and `set_mode_enum` of the message
//! lead there and back. A value that no constant has is kept as it is.
//!
//! In the comment at the top of a message, `@exclusive` says that a topic of this type belongs to one key.
//!
//! ```text
//! # Where to go.
//! # @exclusive
//!
//! uint8 MODE_STOP=0
//! uint8 MODE_GO=1
//!
//! std_msgs/Header header  # @max_age 200ms
//! uint8 mode              # @enum MODE_
//!
//! # Forward is positive. @unit m/s
//! # @finite @range [-1.5, 1.5]
//! float64 speed
//! ```
//!
//! A field's comment is the one behind it, the lines directly above it, or indented lines below it. A word with `@`
//! counts at the start of a comment line, after the end of a sentence, and after another annotation; elsewhere it is
//! prose, and so are the words of other tools, such as `@param`. A word that looks like a slip in one of ours is an
//! error.

mod ast;
mod build_script;
mod compile;
mod definition;
mod diagnostic;
mod diff;
mod emit;
mod facts;
mod generate;
mod json_schema;
pub mod model;
mod msg_text;
mod near_name;
mod parse;
mod proto_file;
mod resolve;
mod source;
mod type_description;
mod type_hash;

pub use build_script::{Build, BuildError, build};
pub use compile::{Interfaces, MAX_DEFINITIONS, MAX_DEFINITIONS_LEN, compile, describe};
pub use definition::{join_definitions, split_definitions};
pub use diagnostic::{Diagnostic, Diagnostics, MAX_PROBLEMS};
pub use diff::{Change, ChangeKind, Grade, TypeDiff, diff, diff_interfaces};
pub use emit::{Target, emit};
pub use generate::{CrateOptions, Dependency, Generated, generate_crate};
pub use json_schema::json_schema;
pub use msg_text::msg_text;
pub use near_name::near_names;
pub use proto_file::{ProtoField, ProtoFile, ProtoKind, proto_field_number, proto_files, proto_package, proto_path};
pub use source::{Folder, MAX_FILE_LEN, SourceFile, read_folder, scan_folder};
pub use type_description::{PLACEHOLDER_MEMBER, type_description_json, type_id};
pub use type_hash::{type_hash, type_hash_text};
