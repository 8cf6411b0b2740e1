//! Revocations over real links: they spread, they last, and nobody takes them back.

use std::time::Duration;

use nuncio::adversary::Adversary;
use nuncio::security::revocation::{Revoked, SignedRevocations};
use nuncio::{Domain, Keystore, LinkConfig, Node, Reason, RefusalEvent, TrustEvent, Verdict};

use crate::peers::{DEADLINE, identity, listen, node};
use crate::trust::{Pair, anchor, builder, grant, keystore, next_event, policy, trust_text};

fn revoked(seed: u8) -> Revoked {
    Revoked {
        key: identity(seed).public_key(),
        since_ns: 0,
        reason: "the robot was stolen".to_owned(),
    }
}

fn list(before: Option<&SignedRevocations>, seeds: &[u8]) -> SignedRevocations {
    let more: Vec<_> = seeds.iter().map(|seed| revoked(*seed)).collect();
    let now_ns = nuncio::clock::now_ns();
    SignedRevocations::issue(&anchor(), &Domain::default(), before, &more, now_ns).unwrap()
}

async fn next_statement_refusal(node: &Node) -> RefusalEvent {
    let event = tokio::time::timeout(DEADLINE, node.next_refusal()).await;
    event.expect("nothing was refused").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_late_node_fetches_the_list_and_an_older_one_or_a_strangers_is_refused() {
    let enforced = policy("enforce", &grant("talker", 1));
    let (hub, endpoint) = listen(node("hub", 2).trust(enforced.clone())).await;
    let first = list(None, &[7]);
    let second = list(Some(&first), &[1]);
    hub.spread_revocations(&second).unwrap();
    assert!(matches!(next_event(&hub).await, TrustEvent::Revoked { keys: 2, .. }));

    let late = node("late", 3).trust(enforced).connect(&endpoint).open().await.unwrap();
    let event = next_event(&late).await;
    let (anchor_key, serial) = (anchor().public_key(), second.serial());
    assert_eq!(
        event,
        TrustEvent::Revoked {
            anchor: anchor_key,
            serial,
            keys: 2
        }
    );
    assert_eq!(late.trust_policy().revoked_at(identity(1).public_key()), Some(0));

    let link = LinkConfig {
        connect: vec![endpoint.clone()],
        discovery: Some(nuncio::Discovery::Off),
        ..LinkConfig::default()
    };
    let attacker = Adversary::join(&link, Domain::default()).await.unwrap();
    let other = SignedRevocations::issue(&identity(66), &Domain::default(), None, &[revoked(2)], 1).unwrap();
    let twin = SignedRevocations::issue(&anchor(), &Domain::default(), None, &[revoked(9)], 0).unwrap();
    assert!(twin.serial() < first.serial());
    for (bytes, reason) in [
        (first.bytes(), Reason::StaleEpoch),
        (twin.bytes(), Reason::StaleEpoch),
        (other.bytes(), Reason::NotPermitted),
        (&b"no list"[..], Reason::NotAFrame),
    ] {
        attacker.put_on("nuncio/0/@trust/anybody", bytes).unwrap();
        // The attacker's link may come up a moment later.
        let event = loop {
            match tokio::time::timeout(Duration::from_millis(200), hub.next_refusal()).await {
                Ok(event) => break event.unwrap(),
                Err(_) => attacker.put_on("nuncio/0/@trust/anybody", bytes).unwrap(),
            }
        };
        assert_eq!(event.refusal.reason, reason, "{}", event.refusal);
        while hub.try_next_refusal().is_some() {}
    }
    assert_eq!(hub.trust_policy().revocations().count(), 2);
    drop(next_statement_refusal(&late).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_revocation_survives_a_restart_and_works_from_the_disk_alone() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("keys");
    let text = trust_text("enforce", &grant("talker", 1));
    let pair = Pair::new(
        builder("listener", keystore(&dir, 2, &[("trust.toml", &text)])),
        node("talker", 1),
    )
    .await;
    assert_eq!(pair.verdict(), Verdict::Permitted);
    pair.talker.spread_revocations(&list(None, &[1])).unwrap();
    assert!(matches!(next_event(&pair.listener).await, TrustEvent::Revoked { .. }));
    assert_eq!(pair.refusal().await.reason, Reason::Revoked);
    pair.listener.close().await.unwrap();
    let pair = Pair::new(builder("listener", keystore(&dir, 2, &[])), node("talker", 1)).await;
    assert_eq!(pair.refusal().await.reason, Reason::Revoked);

    // Issued with no node running.
    let kept = Keystore::open(home.path().join("offline")).unwrap();
    let now_ns = nuncio::clock::now_ns();
    kept.revoke(&anchor(), &Domain::default(), &[revoked(1)], now_ns)
        .unwrap();
    let keys = keystore(&home.path().join("offline"), 3, &[("trust.toml", &text)]);
    let pair = Pair::new(builder("listener", keys), node("talker", 1)).await;
    assert_eq!(pair.refusal().await.reason, Reason::Revoked);
}
