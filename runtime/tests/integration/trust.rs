//! Mode `enforce`, trust files and certificates, over real links.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::security::certificate::{Certificate, CertificateTerms};
use nuncio::security::certificate_chain::CertificateChain;
use nuncio::security::role::{Nickname, RoleName};
use nuncio::security::topic_pattern::TopicPattern;
use nuncio::security::trust_file::TrustFile;
use nuncio::{
    Domain, Identity, Keystore, Node, NodeBuilder, OpenError, Publisher, Reason, Refusal, Subscriber, TrustEvent,
    TrustMode, TrustPolicy, Verdict,
};

use crate::peers::{DEADLINE, identity, listen, next, node};

const DAY_NS: i64 = 86_400_000_000_000;

/// The key of the anchor in these tests.
pub(crate) fn anchor() -> Identity {
    identity(200)
}

/// A trust file with the anchor, the role `driver` for `/cmd_vel`, and more.
pub(crate) fn trust_text(mode: &str, more: &str) -> String {
    format!(
        "mode = \"{mode}\"\n[anchors]\nfleet = \"{}\"\n[roles.driver]\npublish = [\"cmd_vel\", \"fast\"]\n{more}",
        anchor().public_key()
    )
}

pub(crate) fn grant(name: &str, seed: u8) -> String {
    format!(
        "[grants.{name}]\nkey = \"{}\"\nroles = [\"driver\"]\n",
        identity(seed).public_key()
    )
}

pub(crate) fn policy(mode: &str, more: &str) -> TrustPolicy {
    TrustFile::parse(&trust_text(mode, more)).unwrap().into_policy()
}

/// A certificate for the key of `seed` that holds from `from` to `until` days from now.
fn certificate(seed: u8, from: i64, until: i64) -> CertificateChain {
    let now_ns = nuncio::clock::now_ns();
    let terms = CertificateTerms {
        subject: identity(seed).public_key(),
        nickname: Nickname::parse("talker").unwrap(),
        domain: Domain::default(),
        roles: [RoleName::parse("driver").unwrap()].into(),
        scope: [TopicPattern::parse("**").unwrap()].into(),
        delegate: 0,
        not_before_ns: now_ns + from * DAY_NS,
        not_after_ns: now_ns + until * DAY_NS,
    };
    CertificateChain::new(vec![Certificate::issue(&anchor(), terms).unwrap()]).unwrap()
}

/// A keystore in a directory, with the key of `seed` and files beside it.
pub(crate) fn keystore(dir: &Path, seed: u8, files: &[(&str, &str)]) -> Keystore {
    let keystore = Keystore::open(dir).unwrap();
    if keystore.stored_identity().unwrap().is_none() {
        keystore.store_identity(&identity(seed)).unwrap();
    }
    files.iter().for_each(|(name, text)| put(&dir.join(name), text));
    keystore
}

/// Puts a file in place as editors do, at once and with a mode that is right.
pub(crate) fn put(path: &Path, text: &str) {
    let new = path.with_extension("tmp");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, path).unwrap();
}

pub(crate) fn builder(name: &str, keystore: Keystore) -> NodeBuilder {
    Node::builder(name).keystore(keystore).discovery(nuncio::Discovery::Off)
}

/// A talker that a listener hears, once both know of each other.
pub(crate) struct Pair {
    pub(crate) talker: Node,
    pub(crate) publisher: Publisher<Twist>,
    pub(crate) subscriber: Subscriber<Twist>,
    pub(crate) listener: Node,
}

impl Pair {
    pub(crate) async fn new(listener: NodeBuilder, talker: NodeBuilder) -> Self {
        let (listener, endpoint) = listen(listener).await;
        let subscriber = listener.subscriber::<Twist>("/cmd_vel").unwrap();
        let talker = talker.connect(&endpoint).open().await.unwrap();
        let publisher = talker.publisher::<Twist>("/cmd_vel").unwrap();
        assert!(publisher.wait_for_subscribers(DEADLINE).unwrap());
        let key = talker.public_key();
        let met = |graph: &nuncio::graph::Graph| graph.nodes.iter().any(|node| node.key == key && node.is_verified());
        assert!(listener.wait_for_graph(DEADLINE, met).await.is_some(), "they never met");
        Self {
            talker,
            publisher,
            subscriber,
            listener,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.publisher.publish(&Twist::default()).unwrap();
        next(&self.subscriber).info.verdict
    }

    pub(crate) async fn refusal(&self) -> Refusal {
        self.publisher.publish(&Twist::default()).unwrap();
        next_refusal(&self.subscriber).await
    }
}

pub(crate) async fn next_refusal(subscriber: &Subscriber<Twist>) -> Refusal {
    let refused = tokio::time::timeout(DEADLINE, subscriber.next_refusal()).await;
    refused
        .unwrap_or_else(|_| panic!("nothing was refused: {:?}", subscriber.stats()))
        .unwrap()
}

pub(crate) async fn next_event(node: &Node) -> TrustEvent {
    let event = tokio::time::timeout(DEADLINE, node.next_trust_event()).await;
    event
        .unwrap_or_else(|_| panic!("no trust event: {:?}", node.trust_problem()))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn in_mode_enforce_a_key_with_a_grant_is_heard_and_another_is_not() {
    let enforced = policy("enforce", &grant("talker", 1));
    let pair = Pair::new(node("listener", 2).trust(enforced.clone()), node("talker", 1)).await;
    assert_eq!(pair.verdict(), Verdict::Permitted);
    let pair = Pair::new(node("listener", 2).trust(enforced), node("talker", 3)).await;
    let refused = pair.refusal().await;
    assert_eq!(refused.reason, Reason::NotPermitted, "{refused}");
    assert_eq!(refused.claimed_key, Some(pair.talker.public_key()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_certificate_from_the_keystore_is_shown_and_judged_by_its_time() {
    for (from, until, expected) in [
        (-1, 1, Ok(Verdict::Permitted)),
        (1, 2, Err(Reason::CertNotYetValid)),
        (-2, -1, Err(Reason::CertExpired)),
    ] {
        let home = tempfile::tempdir().unwrap();
        let chain = certificate(1, from, until).to_text();
        let keys = keystore(&home.path().join("keys"), 1, &[("identity.cert", &chain)]);
        let pair = Pair::new(
            node("listener", 2).trust(policy("enforce", "")),
            builder("talker", keys),
        )
        .await;
        match expected {
            Ok(verdict) => assert_eq!(pair.verdict(), verdict),
            Err(reason) => assert_eq!(pair.refusal().await.reason, reason),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_certificate_of_another_anchor_is_invalid_here() {
    let home = tempfile::tempdir().unwrap();
    let chain = certificate(1, -1, 1).to_text();
    let keys = keystore(&home.path().join("keys"), 1, &[("identity.cert", &chain)]);
    let other = trust_text("enforce", "").replace(
        &anchor().public_key().to_string(),
        &identity(201).public_key().to_string(),
    );
    let other = TrustFile::parse(&other).unwrap().into_policy();
    let pair = Pair::new(node("listener", 2).trust(other), builder("talker", keys)).await;
    let refused = pair.refusal().await;
    assert_eq!(refused.reason, Reason::CertInvalid, "{refused}");
}

/// The next card has it: no restart, and the decision that was kept is made again.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_certificate_that_comes_while_the_node_runs_is_shown_at_once() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("keys");
    let keys = keystore(&dir, 1, &[]);
    let pair = Pair::new(
        node("listener", 2).trust(policy("enforce", "")),
        builder("talker", keys),
    )
    .await;
    assert_eq!(pair.refusal().await.reason, Reason::NotPermitted);
    put(&dir.join("identity.cert"), &certificate(1, -1, 1).to_text());
    assert_eq!(next_event(&pair.talker).await, TrustEvent::CertificatesChanged);
    let shown = |graph: &nuncio::graph::Graph| {
        let cards = graph.nodes.iter().filter_map(|node| node.card.clone());
        cards.filter(|card| !card.certificates.is_empty()).count() == 1
    };
    assert!(pair.listener.wait_for_graph(DEADLINE, shown).await.is_some());
    assert_eq!(pair.verdict(), Verdict::Permitted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn observe_delivers_and_says_what_enforce_would_refuse_but_never_a_revoked_key() {
    let observer = |more: &str| node("listener", 2).trust(policy("observe", more));
    let pair = Pair::new(observer(&grant("other", 9)), node("talker", 1)).await;
    assert_eq!(pair.verdict(), Verdict::NotPermitted);
    let pair = Pair::new(observer(&grant("talker", 1)), node("talker", 1)).await;
    assert_eq!(pair.verdict(), Verdict::Permitted);
    let revoked = format!("[revoked]\n\"{}\" = 2020-01-01T00:00:00Z\n", identity(1).public_key());
    for mode in ["observe", "tofu", "enforce"] {
        let listener = node("listener", 2).trust(policy(mode, &(grant("talker", 1) + &revoked)));
        let pair = Pair::new(listener, node("talker", 1)).await;
        assert_eq!(pair.refusal().await.reason, Reason::Revoked, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn limits_of_a_topic_hold_in_every_mode() {
    let limited = |limits: &str| {
        let text = format!("[topics.\"cmd_vel\"]\n{limits}\n");
        node("listener", 2).trust(policy("tofu", &text))
    };
    let pair = Pair::new(limited("max_size = \"47 B\""), node("talker", 1)).await;
    assert_eq!(pair.refusal().await.reason, Reason::TooLarge);
    let pair = Pair::new(limited("max_size = \"48 B\""), node("talker", 1)).await;
    assert_eq!(pair.verdict(), Verdict::Pinned);
    let pair = Pair::new(limited("role = \"driver\""), node("talker", 1)).await;
    assert_eq!(pair.refusal().await.reason, Reason::NotPermitted);

    let pair = Pair::new(limited("max_rate = 5"), node("talker", 1)).await;
    (0..50).for_each(|_| {
        pair.publisher.publish(&Twist::default()).unwrap();
    });
    let refused = next_refusal(&pair.subscriber).await;
    assert_eq!(refused.reason, Reason::NotPermitted, "{refused}");
    assert!(refused.detail.contains("more than 5 messages a second"), "{refused}");
    assert!(pair.subscriber.stats().received >= 5, "{:?}", pair.subscriber.stats());
}

async fn refused_start(keystore: Keystore) -> String {
    let opened = builder("talker", keystore).open().await;
    match opened.unwrap_err() {
        error @ (OpenError::Trust(_) | OpenError::Certificates(_)) => error.to_string(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_does_not_start_without_the_trust_that_was_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("keys");
    let (trust, cert) = (dir.join("trust.toml"), dir.join("identity.cert"));

    let enforcing = builder("talker", keystore(&dir, 1, &[])).trust_mode(TrustMode::Enforce);
    let said = enforcing.open().await.unwrap_err().to_string();
    assert!(
        said.contains(&trust.display().to_string()) && said.contains("`nuncio trust init`"),
        "{said}"
    );
    let said = node("talker", 1)
        .trust_mode(TrustMode::Enforce)
        .open()
        .await
        .unwrap_err();
    assert!(matches!(said, OpenError::Trust(_)), "{said}");

    let said = refused_start(keystore(&dir, 1, &[("trust.toml", "mode = \"enforced\"\nmodes = 1\n")])).await;
    assert!(
        said.contains("trust.toml:1:") && said.contains("trust.toml:2:"),
        "{said}"
    );
    let said = refused_start(keystore(
        &dir,
        1,
        &[("trust.toml", "domain = \"7\"\nmode = \"tofu\"\n")],
    ))
    .await;
    assert!(said.contains("domain 7") && said.contains("domain 0"), "{said}");

    let open_to_others = keystore(&dir, 1, &[("trust.toml", &trust_text("tofu", ""))]);
    fs::set_permissions(&trust, fs::Permissions::from_mode(0o664)).unwrap();
    let said = refused_start(open_to_others).await;
    assert!(said.contains(&format!("`chmod 600 {}`", trust.display())), "{said}");
    fs::set_permissions(&trust, fs::Permissions::from_mode(0o600)).unwrap();

    let of_another = certificate(9, -1, 1).to_text();
    let said = refused_start(keystore(&dir, 1, &[("identity.cert", &of_another)])).await;
    assert!(said.contains("nuncio trust sign"), "{said}");
    let said = refused_start(keystore(&dir, 1, &[("identity.cert", "no certificate\n")])).await;
    assert!(said.contains("identity.cert"), "{said}");
    let open_to_others = keystore(&dir, 1, &[("identity.cert", &certificate(1, -1, 1).to_text())]);
    fs::set_permissions(&cert, fs::Permissions::from_mode(0o622)).unwrap();
    let said = refused_start(open_to_others).await;
    assert!(said.contains(&format!("`chmod 600 {}`", cert.display())), "{said}");
}

/// Ten edits under a stream of messages: the policy is another each time, and no message is lost or refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_edits_of_the_trust_file_lose_no_message_of_a_fast_publisher() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("keys");
    let text = |more: &str| trust_text("enforce", &(grant("talker", 1) + more));
    let listener = builder("listener", keystore(&dir, 2, &[("trust.toml", &text(""))]));
    let pair = Pair::new(listener, node("talker", 1)).await;
    assert_eq!(pair.verdict(), Verdict::Permitted);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let sent = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut sent = 0_u64;
            let mut due = std::time::Instant::now();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                pair.publisher.publish(&Twist::default()).unwrap();
                sent += 1;
                // A thousand a second, which is what is tested and no wait for anything.
                due += std::time::Duration::from_millis(1);
                std::thread::sleep(due.saturating_duration_since(std::time::Instant::now()));
            }
            sent
        });
        for edit in 0..10 {
            let before = pair.subscriber.stats().received;
            put(
                &dir.join("trust.toml"),
                &text(&format!("# {edit}\n{}", grant("another", 100 + edit))),
            );
            let event =
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(next_event(&pair.listener)));
            let mode = TrustMode::Enforce;
            assert_eq!(event, TrustEvent::PolicyChanged { mode });
            while pair.subscriber.stats().received < before + 20 {
                std::thread::yield_now();
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        publishing.join().unwrap()
    });
    let deadline = std::time::Instant::now() + DEADLINE;
    while pair.subscriber.stats().received < sent + 1 && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    let stats = pair.subscriber.stats();
    assert_eq!(
        (stats.received, stats.missing, stats.refused_total()),
        (sent + 1, 0, 0),
        "{stats:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_broken_edit_changes_nothing_and_is_told_and_a_good_one_takes_effect_at_once() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("keys");
    let trust = dir.join("trust.toml");
    let good = trust_text("enforce", &grant("talker", 1));
    let listener = builder("listener", keystore(&dir, 2, &[("trust.toml", &good)]));
    let pair = Pair::new(listener, node("talker", 1)).await;
    assert_eq!(pair.verdict(), Verdict::Permitted);
    assert_eq!(pair.listener.trust_problem(), None);

    let expect_kept = async |what: &str| {
        match next_event(&pair.listener).await {
            TrustEvent::Kept { problem } => assert!(problem.contains(what), "{problem}"),
            other => panic!("{other:?}"),
        }
        assert!(pair.listener.trust_problem().is_some_and(|said| said.contains(what)));
        assert_eq!(pair.verdict(), Verdict::Permitted, "{what}");
    };
    put(&trust, "mode = \"observe\"\n[roles.driver\n");
    expect_kept("trust.toml:2:").await;
    put(&trust, &good);
    // The good text is the one in force: that is no change, and only the problem goes away.
    let deadline = std::time::Instant::now() + DEADLINE;
    while pair.listener.trust_problem().is_some() {
        assert!(std::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    fs::set_permissions(&trust, fs::Permissions::from_mode(0o666)).unwrap();
    expect_kept("chmod 600").await;
    fs::remove_file(&trust).unwrap();
    expect_kept("is gone").await;

    put(&trust, &trust_text("enforce", ""));
    let mode = TrustMode::Enforce;
    assert_eq!(next_event(&pair.listener).await, TrustEvent::PolicyChanged { mode });
    assert_eq!(pair.listener.trust_problem(), None);
    assert_eq!(pair.refusal().await.reason, Reason::NotPermitted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_mode_that_is_given_overrides_the_files_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("keys");
    let keys = keystore(&dir, 2, &[("trust.toml", &trust_text("enforce", &grant("other", 9)))]);
    let pair = Pair::new(
        builder("listener", keys).trust_mode(TrustMode::Observe),
        node("talker", 1),
    )
    .await;
    assert_eq!(pair.verdict(), Verdict::NotPermitted);
    assert_eq!(pair.listener.trust_policy().mode, TrustMode::Observe);
    assert!(pair.listener.trust_policy().has_rules());
}
