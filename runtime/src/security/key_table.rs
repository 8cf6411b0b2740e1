//! Verifies many signatures of one key at a third of the cost of a single one, with the very verdict of
//! [`EnrolledKey::verify`](super::key::EnrolledKey::verify). For recordings, where one key has signed thousands of frames.
//!
//! # Why the verdict is the same
//!
//! Strict verification takes a signature `(R, s)` of a text `M` by the key `A` if `s` is less than the order of the group, `R` is
//! the encoding of a point, neither that point nor `A` is of small order, and the canonical encoding of `sB − kA` is `R`, byte by
//! byte, where `k = SHA-512(R ‖ A ‖ M)` modulo the order. Here the same is computed; only how `sB − kA` comes about differs: by
//! adding up multiples of `B` and `−A` that were computed beforehand, 64 additions instead of 250 doublings. That is
//! arithmetic in one group, so the sum is the same point. If its encoding is `R`, then `R` is the encoding of that very
//! point, so whether it is of small order can be asked of the sum. `A` was asked when it was enrolled.
//!
//! This is no batch verification: each signature is judged alone, nothing is random, no cofactor is cleared. A batch was measured
//! at about 12 µs for each signature (single ones: 36 µs, these: 13 µs) and would have had to prove that no `R` has a part of
//! small order, or its verdict would depend on its neighbours.
//!
//! It takes time that depends on the signature, which is public.

use std::sync::LazyLock;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha512};

/// How many multiples there are for each byte of a scalar; that of zero is none.
const MULTIPLES: usize = 255;

static BASE: LazyLock<Multiples> = LazyLock::new(|| Multiples::of(ED25519_BASEPOINT_POINT));

/// What was computed beforehand of a key: 1.3 MB, in the time of 30 verifications.
#[derive(Debug)]
pub(super) struct KeyTable {
    key: [u8; 32],
    negated: Multiples,
}

/// For each byte of a scalar, 1 to 255 times the point, times 256 to the power of the byte's place.
#[derive(Debug)]
struct Multiples(Vec<EdwardsPoint>);

impl Multiples {
    fn of(point: EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(32 * MULTIPLES);
        let mut unit = point;
        for _byte in 0..32 {
            let mut multiple = unit;
            for _ in 0..MULTIPLES {
                multiples.push(multiple);
                multiple += unit;
            }
            unit = multiple;
        }
        Self(multiples)
    }

    /// Adds the point, times a scalar.
    fn add_to(&self, mut sum: EdwardsPoint, scalar: &Scalar) -> EdwardsPoint {
        for (row, byte) in self.0.chunks_exact(MULTIPLES).zip(scalar.as_bytes()) {
            if let Some(multiple) = usize::from(*byte).checked_sub(1).and_then(|at| row.get(at)) {
                sum += multiple;
            }
        }
        sum
    }
}

impl KeyTable {
    /// Of a key that passed enrolment, and its point.
    pub(super) fn new(key: [u8; 32], point: EdwardsPoint) -> Self {
        let negated = Multiples::of(-point);
        Self { key, negated }
    }

    /// Whether `signature` is this key's signature of `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let ([r, s], []) = signature.as_chunks::<32>() else {
            return false;
        };
        let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(*s)) else {
            return false;
        };
        let hash = Sha512::new()
            .chain_update(r)
            .chain_update(self.key)
            .chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let sum = BASE.add_to(EdwardsPoint::identity(), &s);
        let sum = self.negated.add_to(sum, &k);
        sum.compress().as_bytes() == r && !sum.is_small_order()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]
    #![allow(clippy::indexing_slicing, reason = "a test that panics has failed, which is its job")]

    use curve25519_dalek::constants::EIGHT_TORSION;

    use super::*;
    use crate::security::key::{EnrolledKey, PublicKey};

    /// A key of which the test knows the scalar, so that it can sign what no honest program signs.
    struct Signer {
        secret: Scalar,
        enrolled: EnrolledKey,
        table: KeyTable,
    }

    impl Signer {
        fn new(seed: u64) -> Self {
            let secret = scalar(&seed.to_le_bytes());
            let key = (ED25519_BASEPOINT_POINT * secret).compress().to_bytes();
            let enrolled = EnrolledKey::enrol(PublicKey::from_bytes(key)).unwrap();
            let table = enrolled.table();
            Self {
                secret,
                enrolled,
                table,
            }
        }

        /// A signature with this nonce, to whose `R` this point is added before it is hashed.
        fn sign(&self, message: &[u8], nonce: Scalar, torsion: EdwardsPoint) -> [u8; 64] {
            let r = (ED25519_BASEPOINT_POINT * nonce + torsion).compress().to_bytes();
            self.sign_with_r(message, nonce, r)
        }

        fn sign_with_r(&self, message: &[u8], nonce: Scalar, r: [u8; 32]) -> [u8; 64] {
            let k = scalar(&[&r, self.enrolled.public_key().as_bytes().as_slice(), message].concat());
            let s = nonce + k * self.secret;
            [r, s.to_bytes()].concat().try_into().unwrap()
        }

        /// The verdict, which is the same for both.
        fn verdict(&self, message: &[u8], signature: &[u8; 64]) -> bool {
            let strict = self.enrolled.verify(message, signature);
            assert_eq!(self.table.verify(message, signature), strict, "{signature:?}");
            strict
        }
    }

    fn scalar(text: &[u8]) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&Sha512::digest(text).into())
    }

    #[test]
    fn what_is_signed_holds_and_with_any_bit_changed_it_does_not() {
        for seed in 0..4 {
            let signer = Signer::new(seed);
            let message = seed.to_le_bytes();
            let signature = signer.sign(&message, scalar(b"nonce"), EdwardsPoint::identity());
            assert!(signer.verdict(&message, &signature));
            for bit in 0..512 {
                let mut changed = signature;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(!signer.verdict(&message, &changed), "bit {bit}");
            }
            assert!(!signer.verdict(b"other", &signature));
            assert!(!Signer::new(seed + 100).verdict(&message, &signature));
        }
    }

    #[test]
    fn many_signatures_of_many_keys_hold() {
        for seed in 0..20 {
            let signer = Signer::new(seed);
            for number in 0..20_u64 {
                let message = number.to_le_bytes();
                let signature = signer.sign(&message, scalar(&message), EdwardsPoint::identity());
                assert!(signer.verdict(&message, &signature));
            }
        }
    }

    #[test]
    fn a_signature_with_a_part_of_small_order_is_refused_as_strict_verification_does() {
        let signer = Signer::new(1);
        for torsion in EIGHT_TORSION {
            let is_none = torsion == EdwardsPoint::identity();
            let signature = signer.sign(b"text", scalar(b"nonce"), torsion);
            assert_eq!(signer.verdict(b"text", &signature), is_none);
            // Without a nonce R itself is of small order; with none of that either the equation holds, and yet it is refused.
            let small = signer.sign(b"text", Scalar::ZERO, torsion);
            assert!(!signer.verdict(b"text", &small));
        }
    }

    #[test]
    fn what_is_encoded_in_a_second_way_is_refused() {
        let signer = Signer::new(1);
        let order = Scalar::ZERO - Scalar::ONE;
        let signature = signer.sign(b"text", scalar(b"nonce"), EdwardsPoint::identity());
        // s and s plus the order are the same scalar.
        let mut carry = 1_u16;
        let mut second = signature;
        for (byte, of_order) in second[32..].iter_mut().zip(order.to_bytes()) {
            carry += u16::from(*byte) + u16::from(of_order);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert!(signer.verdict(b"text", &signature) && !signer.verdict(b"text", &second));
        // The identity in its four encodings, three of which are not canonical.
        for (low, high) in [(0x01, 0x00), (0x01, 0x80), (0xee, 0x7f), (0xee, 0xff)] {
            let mut r = if low == 1 { [0; 32] } else { [0xff; 32] };
            (r[0], r[31]) = (low, high);
            let signature = signer.sign_with_r(b"text", Scalar::ZERO, r);
            assert!(!signer.verdict(b"text", &signature), "{r:?}");
        }
    }
}
