//! The vocabulary: ROS 2's common interfaces and Nuncio's own as Rust types.
//!
//! Everything below the package modules (`geometry_msgs`, `std_msgs`, …) is made from the schema files beside this
//! crate's sources. Another crate adds interfaces of its own with a `build.rs` of three lines, see
//! [`include_interfaces!`].

pub mod action;
#[doc(hidden)]
pub mod encoding;
#[doc(hidden)]
pub mod json_schema;
#[doc(hidden)]
pub mod limit;
pub mod message;
pub mod service;
pub mod type_hash;

pub use action::Action;
pub use message::{Definition, LimitViolation, Message};
// Generated code of other crates finds what it implements here, so that this crate is the only one it needs.
#[doc(hidden)]
pub use schemars;
#[doc(hidden)]
pub use serde;
pub use service::Service;
pub use type_hash::{TypeHash, TypeHashError};

include!(concat!(env!("OUT_DIR"), "/interfaces.rs"));

/// Includes the types that `nuncio_codegen::build` made of a crate's own schemas.
///
/// `interfaces/my_msgs/msg/Status.msg` becomes `my_msgs::msg::Status` with this `build.rs`
///
/// ```ignore
/// fn main() {
///     nuncio_codegen::build("interfaces");
/// }
/// ```
///
/// and this line in `lib.rs`:
///
/// ```ignore
/// nuncio_msgs::include_interfaces!();
/// ```
#[macro_export]
macro_rules! include_interfaces {
    () => {
        include!(concat!(env!("OUT_DIR"), "/interfaces.rs"));
    };
}
