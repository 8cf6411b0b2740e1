//! Cost: what the steps of a signed message take on this machine, each by itself in a warm loop, and some after a
//! pause.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use nuncio::msgs::geometry_msgs::msg::Twist;
use nuncio::security::frame::Layout;
use nuncio::security::proving_ground::{Outcome, ProvingGround, encode};
use nuncio::{Identity, TrustPolicy};

use super::quantile::{median, rounded};
use super::{BenchError, failed, in_a_thread};
use crate::answers::bench::CostMeasured;

/// How often each step gets its turn.
const TURNS: usize = 31;

/// How long a turn lasts at least.
const TURN: Duration = Duration::from_micros(400);

/// How often something is done after a pause, and how long that is.
const PAUSES: usize = 201;
const PAUSE: Duration = Duration::from_millis(1);

/// What a signature covers is always this long.
const SIGNED_LEN: usize = 83;

/// Hashed to learn what a KiB costs.
const HASHED_KIB: usize = 64;

/// What one step takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// The name for scripts.
    pub(crate) what: &'static str,
    /// What it is, for people.
    pub(crate) meaning: &'static str,
    pub(crate) us: f64,
}

impl Cost {
    /// The line for scripts.
    pub(crate) fn answer(&self) -> CostMeasured {
        CostMeasured {
            case: "cost",
            what: self.what,
            us: rounded(self.us),
        }
    }
}

/// What the steps of one signed Twist take, in µs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    pub(crate) encode: f64,
    pub(crate) frame: f64,
    pub(crate) sign: f64,
    pub(crate) verify: f64,
    pub(crate) checks: f64,
    pub(crate) decode: f64,
    pub(crate) hash_kib: f64,
    /// The same after a pause, as for a lone message.
    pub(crate) sign_after_pause: f64,
    pub(crate) verify_after_pause: f64,
}

impl Costs {
    /// All of them, in the order in which a message meets them.
    pub(crate) fn all(&self) -> [Cost; 9] {
        let cost = |what, us, meaning| Cost { what, meaning, us };
        [
            cost("encode", self.encode, "a Twist to its 48 bytes"),
            cost("frame", self.frame, "header, hash and trailer around them"),
            cost("sign", self.sign, "one signature, whatever the size"),
            cost("verify", self.verify, "one strict verification, whatever the size"),
            cost("checks", self.checks, "layout, type, trust policy, replay window, hash"),
            cost("decode", self.decode, "the bytes to a Twist, with its limits"),
            cost("hash_kib", self.hash_kib, "each further KiB, at either end"),
            cost(
                "sign_after_pause",
                self.sign_after_pause,
                "a signature after a millisecond of sleep",
            ),
            cost(
                "verify_after_pause",
                self.verify_after_pause,
                "a verification after one",
            ),
        ]
    }
}

/// Measures them.
pub(crate) async fn measure() -> Result<Costs, BenchError> {
    in_a_thread(measured).await
}

fn measured() -> Result<Costs, BenchError> {
    let doing = "making frames to measure";
    let identity = Identity::generate().map_err(failed("making a key"))?;
    let ground = ProvingGround::new(identity.clone(), TrustPolicy::default()).map_err(failed(doing))?;
    let key = identity.enrolled_key();
    let text = [7; SIGNED_LEN];
    let signature = identity.sign(&text);
    let twist = Twist::default();
    let mut payload = Vec::new();
    encode(&twist, 1, &mut payload).map_err(failed(doing))?;

    let sign = turns(|| identity.sign(black_box(&text)));
    let verify = turns(|| key.verify(black_box(&text), &signature));
    let mut buffer = Vec::new();
    let encode = turns(|| {
        buffer.clear();
        encode(black_box(&twist), 1, &mut buffer)
    });
    let seal = turns(|| ground.seal(1, 1, black_box(&payload)));
    let mut number = 0;
    let mut all_delivered = true;
    let both = turns(|| {
        number += 1;
        let outcome = ground.open(ground.seal(number, 1, black_box(&payload)), 1);
        all_delivered &= outcome == Outcome::Delivered(1);
    });
    if !all_delivered {
        return Err(failed(doing)("a genuine frame was refused"));
    }
    let proven = ground
        .prove(number + 1, 1, &payload)
        .map_err(|outcome| failed(doing)(format!("{outcome:?}")))?;
    let decode = turns(|| proven.decode::<Twist>());
    let large = ground.seal(1, 1, &vec![0x5a; HASHED_KIB << 10]);
    let layout = Layout::parse(&large).map_err(|refusal| failed(doing)(format!("{refusal:?}")))?;
    let hash = turns(|| layout.digest(black_box(&large)));
    // Differences of two measured times may fall below nothing where they are next to nothing.
    Ok(Costs {
        encode,
        frame: (seal - sign).max(0.0),
        sign,
        verify,
        checks: (both - seal - verify).max(0.0),
        decode,
        hash_kib: hash / HASHED_KIB as f64,
        sign_after_pause: after_pauses(|| identity.sign(black_box(&text))),
        verify_after_pause: after_pauses(|| key.verify(black_box(&text), &signature)),
    })
}

/// The median time of a call that comes after a pause, in µs: caches and clocks are not what they are in a loop.
fn after_pauses<R>(mut call: impl FnMut() -> R) -> f64 {
    let times: Vec<f64> = (0..PAUSES)
        .map(|_| {
            thread::sleep(PAUSE);
            let start = Instant::now();
            black_box(call());
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    median(&times)
}

/// The median time of a call, in µs.
fn turns<R>(mut call: impl FnMut() -> R) -> f64 {
    let mut turn = |calls: u32| {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        start.elapsed()
    };
    // So many calls that a turn is long beside the clock's grain.
    let mut calls = 1;
    while turn(calls) < TURN {
        calls *= 2;
    }
    let times: Vec<f64> = (0..TURNS)
        .map(|_| turn(calls).as_secs_f64() * 1e6 / f64::from(calls))
        .collect();
    median(&times)
}
