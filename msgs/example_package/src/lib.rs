//! A package with interfaces of its own: the schemas are in `interfaces/`, and this is all the Rust it takes.

nuncio_msgs::include_interfaces!();
