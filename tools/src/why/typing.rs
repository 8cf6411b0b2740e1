//! In what the types of a publisher and a subscriber differ, by the descriptions that this program knows or that nodes serve.

use nuncio::graph::Endpoint;
use nuncio::msgs::nuncio_msgs::msg::{CardPublisher, CardSubscriber};
use nuncio::{NodeName, PublicKey, TypeHash, TypeSupport};
use nuncio_codegen::ChangeKind;

use super::facts::{Difference, Facts};
use super::pairing::types_agree;
use crate::catalog::Catalog;
use crate::session::Session;

/// The most differences that are looked for: each may cost two questions.
const DIFFERENCES_MAX: usize = 8;

/// The first difference of each pair that has the same type by name alone.
pub(super) async fn differences(
    session: &Session<'_>,
    publishers: &[Endpoint<CardPublisher>],
    subscribers: &[Endpoint<CardSubscriber>],
    facts: &Facts,
) -> Vec<Difference> {
    let Ok(catalog) = Catalog::open(&session.interfaces) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (publisher, published) in publishers.iter().zip(&facts.publishers) {
        for (subscriber, wanted) in subscribers.iter().zip(&facts.subscribers) {
            let name = &publisher.facts.type_name;
            if types_agree(published, wanted) || *name != subscriber.facts.type_name || found.len() >= DIFFERENCES_MAX {
                continue;
            }
            let ours = describe(session, &catalog, name, publisher.node.key, publisher.facts.type_hash).await;
            let theirs = describe(session, &catalog, name, subscriber.node.key, subscriber.facts.type_hash).await;
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                continue;
            };
            let (field, text) = first_difference(&ours, &theirs, (&published.node, &wanted.node));
            found.push(Difference {
                publisher: published.node.clone(),
                subscriber: wanted.node.clone(),
                field,
                text,
            });
        }
    }
    found
}

/// A type, as this program knows it or as the node that uses it serves it.
async fn describe(
    session: &Session<'_>,
    catalog: &Catalog,
    name: &str,
    key: PublicKey,
    hash: [u8; 32],
) -> Option<TypeSupport> {
    let hash = TypeHash::from_bytes(hash);
    match catalog.with_hash(name, hash) {
        Some(known) => Some(known),
        None => session.node.fetch_type(key, name, &hash).await.ok(),
    }
}

/// The first field that publisher and subscriber have differently, and how.
fn first_difference(
    published: &TypeSupport,
    wanted: &TypeSupport,
    (publisher, subscriber): (&NodeName, &NodeName),
) -> (Option<String>, String) {
    let diffs = nuncio_codegen::diff(wanted.description(), published.description());
    let changes = diffs
        .iter()
        .flat_map(|diff| diff.changes.iter().map(move |change| (diff, change)));
    // What a field is made of says more than that it has changed.
    let own = changes.filter(|(_, change)| !matches!(change.kind, ChangeKind::NestedChanged { .. }));
    let mut own = own.filter(|(_, change)| !change.place.is_empty());
    match own.next() {
        None => (None, "what differs is not a field".to_owned()),
        Some((diff, change)) => {
            let of = match diff.type_name.to_string() == published.type_name() {
                true => String::new(),
                false => format!(" of {}", diff.type_name),
            };
            let text = format!(
                "field `{}`{of}, from {subscriber} to {publisher}: {}",
                change.place, change.kind
            );
            (Some(change.place.clone()), text)
        }
    }
}
