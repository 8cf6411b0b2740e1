//! What a signed message costs beside the signature itself: sealing and opening a frame of one message, and the bare
//! `sign` and `verify_strict` that no such message can do without. Compare the medians of one run.

use std::sync::atomic::{AtomicU64, Ordering};

use divan::{Bencher, black_box};
use nuncio::security::key::EnrolledKey;
use nuncio::security::proving_ground::{Outcome, ProvingGround};
use nuncio::security::trust_file::TrustFile;
use nuncio::{Identity, TrustPolicy};

const SIZES: [usize; 4] = [48, 1024, 64 << 10, 1 << 20];

fn main() {
    divan::main();
}

fn ground() -> (Identity, ProvingGround) {
    let identity = Identity::from_seed(&[7; 32]);
    let ground = ProvingGround::new(identity.clone(), TrustPolicy::default()).expect("the key is sound");
    (identity, ground)
}

/// The least that a proof of origin costs: one signature and one strict verification, over the 83 bytes that a frame
/// signs.
#[divan::bench]
fn sign_and_verify_strict(bencher: Bencher<'_, '_>) {
    let (identity, _) = ground();
    let key = EnrolledKey::enrol(identity.public_key()).expect("the key is sound");
    let text = [7; 83];
    bencher.bench(|| key.verify(black_box(&text), &identity.sign(black_box(&text))));
}

/// A whole message: frame, hash, sign; then layout, card, replay window, hash, verify, pins.
#[divan::bench(args = SIZES)]
fn seal_and_open(bencher: Bencher<'_, '_>, size: usize) {
    let (_, ground) = ground();
    let number = AtomicU64::new(0);
    let payload = vec![0x5a; size];
    bencher.bench(|| {
        let number = number.fetch_add(1, Ordering::Relaxed) + 1;
        let outcome = ground.open(ground.seal(number, 1, black_box(&payload)), 1);
        assert_eq!(outcome, Outcome::Delivered(1));
    });
}

/// What a receiver checks beside the signature: layout, type, card, what the policy has decided, times, hash, replay window.
/// A frame that came before is told from a new one only after all of these, and before its signature. The mode is
/// `enforce`, with a role, limits and a bound of age.
#[divan::bench(args = SIZES)]
fn check_all_but_the_signature(bencher: Bencher<'_, '_>, size: usize) {
    let identity = Identity::from_seed(&[7; 32]);
    let text = format!(
        "mode = \"enforce\"\n[roles.talker]\npublish = [\"proving_ground\"]\n[grants.talker]\nkey = \"{}\"\n\
         roles = [\"talker\"]\n[topics.\"**\"]\nmax_size = \"2MiB\"\nmax_age = \"1s\"\n",
        identity.public_key()
    );
    let policy = TrustFile::parse(&text).expect("a policy").into_policy();
    let ground = ProvingGround::new(identity, policy).expect("the key is sound");
    let frame = ground.seal(1, 1, &vec![0x5a; size]);
    assert_eq!(ground.open(frame.clone(), 1), Outcome::Delivered(1));
    bencher
        .with_inputs(|| frame.clone())
        .bench_values(|frame| assert_eq!(ground.open(frame, 1), Outcome::Duplicate));
}

#[divan::bench(args = SIZES)]
fn seal(bencher: Bencher<'_, '_>, size: usize) {
    let (_, ground) = ground();
    let payload = vec![0x5a; size];
    bencher.bench(|| ground.seal(1, 1, black_box(&payload)));
}
