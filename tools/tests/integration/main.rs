//! The binary as users run it: separate processes, real links over loopback, no scouting.

mod demo;
mod discovery;
mod echo_and_pub;
mod help;
mod interfaces;
mod keys;
mod lists;
mod program;
mod rates;
mod refusals;
mod trace;
mod transcode;
