//! Candidates that take turns, and the table of their medians.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How many turns each candidate gets.
const TURNS: usize = 101;

/// How long a turn takes at least.
const TURN: Duration = Duration::from_micros(200);

/// What is measured, by name.
type Candidate<'a> = (&'a str, &'a mut dyn FnMut());

/// The rows measured so far.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Value>,
}

impl Table {
    /// Measures the candidates in turns and prints their medians; ratios are those of the first to each other one.
    pub(crate) fn row(&mut self, message: &str, what: &str, candidates: &mut [Candidate<'_>]) {
        let calls: Vec<u32> = candidates.iter_mut().map(|(_, call)| calls_per_turn(call)).collect();
        let mut turns = vec![Vec::with_capacity(TURNS); candidates.len()];
        for _ in 0..TURNS {
            for (((_, call), turns), calls) in candidates.iter_mut().zip(&mut turns).zip(&calls) {
                turns.push(turn(call, *calls).as_secs_f64() * 1e9 / f64::from(*calls));
            }
        }
        let medians: Vec<f64> = turns.into_iter().map(median).collect();
        let ours = medians.first().copied().unwrap_or_default();
        let mut cells = Vec::new();
        for ((name, _), ns) in candidates.iter().zip(medians) {
            let ratio = ours / ns;
            println!("{message:22}  {what:39}  {name:25}  {ns:>11.1} ns  {ratio:5.2}");
            cells.push(json!({ "name": name, "median_ns": ns, "ours_to_this": ratio }));
        }
        self.rows
            .push(json!({ "message": message, "measured": what, "candidates": cells }));
    }

    /// All rows as one line.
    pub(crate) fn json(&self) -> String {
        json!({ "benchmark": "payload", "rows": self.rows }).to_string()
    }
}

fn median(mut turns: Vec<f64>) -> f64 {
    turns.sort_by(f64::total_cmp);
    turns.get(turns.len() / 2).copied().unwrap_or_default()
}

fn turn(call: &mut dyn FnMut(), calls: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        call();
    }
    start.elapsed()
}

/// So many calls that a turn is long beside the clock's grain.
fn calls_per_turn(call: &mut dyn FnMut()) -> u32 {
    let mut calls = 1;
    while turn(call, calls) < TURN {
        calls *= 2;
    }
    calls
}
