//! The closing words: what the numbers mean for somebody who builds a robot on this machine.

use super::{Costs, Latency, Throughput};
use crate::render::{bytes, bytes_per_second, grouped};

/// Rounds of raw puts that differ by more than this factor were disturbed.
const UNREST_MAX: f64 = 2.0;

/// What to expect, one sentence on each line.
pub(crate) fn closing_words(
    throughput: &[Throughput],
    latency: Option<&Latency>,
    costs: Option<&Costs>,
) -> Vec<String> {
    let mut words = Vec::new();
    for measured in [throughput.first(), throughput.get(1..).and_then(<[_]>::last)]
        .into_iter()
        .flatten()
    {
        let (rate, size) = (measured.signed.rate(), measured.load.size() as f64);
        words.push(format!(
            "One talker reaches one listener with {} signed messages of {} a second ({}), {:.0} % of what raw Zenoh \
             does.",
            grouped(rate),
            bytes(size),
            bytes_per_second(rate * size),
            measured.ratio() * 100.0,
        ));
    }
    if let Some(latency) = latency {
        words.push(format!(
            "A signed command is at its receiver some {:.0} µs after it was published (half of a round trip); one round trip \
             in a hundred takes longer than {:.0} µs.",
            latency.signed.percentile(50) / 2.0,
            latency.signed.percentile(99),
        ));
    }
    if let Some(costs) = costs {
        words.push(format!(
            "A thousand messages a second, each with a signature of its own, take {:.1} % of a core to sign and {:.1} % at \
             each listener; a payload of 1 MiB takes {:.0} µs to hash at either end.",
            costs.sign / 10.0,
            costs.verify / 10.0,
            costs.hash_kib * 1024.0,
        ));
    }
    let unrest = throughput.iter().map(Throughput::unrest).fold(0.0, f64::max);
    if unrest > UNREST_MAX {
        words.push(format!(
            "Something else keeps this machine busy: equal rounds of raw puts differed by a factor of {unrest:.1}. Measure again \
             when it is quiet."
        ));
    }
    words
}
