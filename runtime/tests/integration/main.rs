//! Nodes over real links.

mod close;
mod first_contact;
mod graph;
mod peers;
mod pub_sub;
mod queues;
mod refusals;
mod run_time_types;
