//! Pages that hold a key of their own, by the protocol as it goes over the wire: a scripted page, a real bridge, a real robot.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]
#![allow(clippy::indexing_slicing, reason = "a test that panics has failed, which is its job")]

mod entering;
mod hostile;
mod page;
mod publishing;
