//! A ROS 2-style node whose every message proves who sent it.

pub mod clock;
pub mod local_registry;
pub mod private_file;
pub mod security;
