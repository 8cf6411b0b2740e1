//! The locks of what several threads work on at once. The test of all interleavings puts its own in their place.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
