//! The compiler's fixtures as types: what the golden texts show must also compile and work.

/// In a module of its own, as a crate may have it.
pub mod interfaces {
    nuncio_msgs::include_interfaces!();
}
