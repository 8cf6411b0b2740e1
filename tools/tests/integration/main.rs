//! The binary as users run it: separate processes, real links over loopback, no scouting.

mod approve;
mod bench;
mod demo;
mod discovery;
mod doctor;
mod echo_and_pub;
mod help;
mod interface_check;
mod interface_diff;
mod interface_generate;
mod interface_proto;
mod interfaces;
mod key_life;
mod keys;
mod lists;
mod program;
mod prove;
mod rates;
mod refusals;
mod router;
mod services;
mod trace;
mod transcode;
mod trust;
mod trust_export_zenoh;
mod trust_test;
