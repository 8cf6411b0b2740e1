//! Nodes over real links.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

mod acked;
mod actions;
mod approval;
mod clock;
mod close;
mod corpus;
mod durable;
mod events;
mod evolution;
mod facts;
mod first_contact;
mod gathering;
mod generic_actions;
mod graph;
mod history;
mod large_messages;
mod lifecycle;
mod metrics;
mod names;
mod parameters;
mod peers;
mod pub_sub;
mod queues;
mod refusals;
mod revocations;
mod rosout;
mod rotation;
mod run_time_types;
mod same_machine;
mod service_events;
mod service_gathering;
mod service_refusals;
mod services;
mod shown_frames;
mod silent_publishers;
mod state;
mod trace;
mod trust;
mod trust_refusals;

/// Whoever adds a reason adds a test that provokes it over a real link.
#[test]
fn every_reason_for_a_refusal_is_provoked_here() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration");
    let files = std::fs::read_dir(folder).unwrap().flatten();
    let texts: Vec<_> = files
        .map(|file| std::fs::read_to_string(file.path()).unwrap())
        .collect();
    for reason in nuncio::Reason::ALL {
        let name = format!("Reason::{reason:?}");
        assert!(texts.iter().any(|text| text.contains(&name)), "no test provokes {name}");
    }
}
