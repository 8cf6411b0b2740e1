//! The tally of one attack and its verdict.
//!
//! # Invariants
//!
//! - The verdict follows from the counts: nothing hostile delivered, everything genuine delivered, and something of
//!   both tried.
//! - A hostile frame that was neither delivered nor refused for a reason is a problem too, where all can be followed.

use std::collections::BTreeMap;
use std::time::Duration;

use nuncio::SubscriptionStats;
use nuncio::security::proving_ground::Outcome;
use serde_json::{Map, Value};

use super::{ProveError, name};
use crate::answers::program::AttackMade;
use crate::cli::Attack;

/// The word for a frame that was delivered before and is dropped.
pub(super) const DUPLICATE: &str = "Duplicate";

/// What an attack tried and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    attack: Attack,
    /// Hostile frames, or other attempts.
    pub(super) tried: u64,
    /// How many of them reached somebody.
    pub(super) delivered: u64,
    refused: BTreeMap<String, u64>,
    /// Genuine messages that had to be delivered.
    pub(super) genuine: u64,
    /// How many of them were.
    pub(super) genuine_delivered: u64,
    /// Whether what became of each attempt can be known.
    followed: bool,
    measured: Map<String, Value>,
    noted: Vec<String>,
}

impl Report {
    /// An attack whose every attempt is followed to its end.
    pub(super) fn new(attack: Attack) -> Self {
        Self {
            attack,
            tried: 0,
            delivered: 0,
            refused: BTreeMap::new(),
            genuine: 0,
            genuine_delivered: 0,
            followed: true,
            measured: Map::new(),
            noted: Vec::new(),
        }
    }

    /// An attack on somebody who is killed and takes the counts along.
    pub(super) fn of_unfollowed(attack: Attack) -> Self {
        Self {
            followed: false,
            ..Self::new(attack)
        }
    }

    /// An attack that could not be made.
    pub(crate) fn failed(attack: Attack, error: &ProveError) -> Self {
        let mut report = Self::of_unfollowed(attack);
        report.problem(error.to_string());
        report
    }

    /// What became of one hostile frame.
    pub(super) fn hostile(&mut self, outcome: &Outcome) {
        self.tried += 1;
        match outcome {
            Outcome::Delivered(_) => self.delivered += 1,
            Outcome::Duplicate => self.refuse(DUPLICATE, 1),
            // Nobody answers for it, so a subscription refuses it after asking.
            Outcome::Stranger => self.refuse("UnknownKey", 1),
            Outcome::Refused(refusal) => self.refuse(&refusal.reason.to_string(), 1),
        }
    }

    /// What became of one genuine frame of so many messages.
    pub(super) fn genuine(&mut self, count: u16, outcome: &Outcome) {
        self.genuine += u64::from(count);
        match outcome {
            Outcome::Delivered(delivered) => self.genuine_delivered += u64::from(*delivered),
            Outcome::Refused(refusal) => self.problem(format!("a genuine frame was refused: {refusal}")),
            other => self.problem(format!("a genuine frame ended as {other:?}")),
        }
    }

    /// Counts frames that were refused.
    pub(super) fn refuse(&mut self, reason: &str, count: u64) {
        if count > 0 {
            *self.refused.entry(reason.to_owned()).or_default() += count;
        }
    }

    /// Counts what a subscription has refused since `before`.
    pub(super) fn refuse_since(&mut self, before: &SubscriptionStats, after: &SubscriptionStats) {
        for (reason, count) in &after.refused {
            let earlier = before.refused.get(reason).copied().unwrap_or_default();
            self.refuse(&reason.to_string(), count.saturating_sub(earlier));
        }
        self.refuse(DUPLICATE, after.duplicates.saturating_sub(before.duplicates));
    }

    /// A measurement that stands in the JSON under its name.
    pub(super) fn measure(&mut self, what: &str, value: impl Into<Value>) {
        self.measured.insert(what.to_owned(), value.into());
    }

    /// Something that must not be, beyond the counts.
    pub(super) fn problem(&mut self, what: String) {
        // The first few tell it; a million would not tell more.
        if self.noted.len() < 10 {
            self.noted.push(what);
        }
    }

    /// Everything that is not as promised.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.noted.clone();
        if self.delivered > 0 {
            problems.push(format!(
                "{} of {} hostile attempts were delivered",
                self.delivered, self.tried
            ));
        }
        if self.genuine_delivered != self.genuine {
            problems.push(format!(
                "{} of {} genuine messages were delivered",
                self.genuine_delivered, self.genuine
            ));
        }
        if self.tried == 0 || self.genuine == 0 {
            problems.push(format!(
                "{} hostile attempts and {} genuine messages prove nothing",
                self.tried, self.genuine
            ));
        }
        let ended = self.refused.values().sum::<u64>() + self.delivered;
        if self.followed && ended != self.tried {
            problems.push(format!("of {} hostile attempts {ended} came to an end", self.tried));
        }
        problems
    }

    /// Whether all is as promised.
    pub(crate) fn is_ok(&self) -> bool {
        self.problems().is_empty()
    }

    /// The report as one object.
    pub(crate) fn answer(&self, elapsed: Duration, seed: u64) -> AttackMade<'_> {
        AttackMade {
            attack: name(self.attack),
            tried: self.tried,
            delivered: self.delivered,
            refused: &self.refused,
            genuine: self.genuine,
            genuine_delivered: self.genuine_delivered,
            ok: self.is_ok(),
            problems: self.problems(),
            seconds: millis(elapsed),
            seed,
            measured: &self.measured,
        }
    }

    /// The report as a line for people.
    pub(crate) fn line(&self, elapsed: Duration) -> String {
        let refused: Vec<String> = self
            .refused
            .iter()
            .map(|(reason, count)| format!("{reason} {count}"))
            .collect();
        let measured: Vec<String> = self
            .measured
            .iter()
            .map(|(what, value)| format!("; {what} {value}"))
            .collect();
        format!(
            "{:<8} {}: {} tried, {} delivered; genuine {} of {}; refused: {}{}; {} s",
            name(self.attack),
            if self.is_ok() { "ok" } else { "FAILED" },
            self.tried,
            self.delivered,
            self.genuine_delivered,
            self.genuine,
            if refused.is_empty() {
                "none".to_owned()
            } else {
                refused.join(", ")
            },
            measured.concat(),
            millis(elapsed),
        )
    }
}

/// Seconds to the millisecond.
fn millis(elapsed: Duration) -> f64 {
    elapsed.as_millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json_of(report: &Report, elapsed: Duration, seed: u64) -> Value {
        serde_json::to_value(report.answer(elapsed, seed)).expect("it is JSON")
    }

    fn good() -> Report {
        let mut report = Report::new(Attack::Forge);
        report.hostile(&Outcome::Stranger);
        report.hostile(&Outcome::Duplicate);
        report.genuine(3, &Outcome::Delivered(3));
        report
    }

    #[test]
    fn all_refused_and_all_genuine_delivered_is_ok() {
        assert_eq!(good().problems(), Vec::<String>::new());
        let json = json_of(&good(), Duration::from_millis(1500), 7);
        assert_eq!(
            (&json["attack"], &json["tried"], &json["ok"]),
            (&json!("forge"), &json!(2), &json!(true))
        );
        assert_eq!(json["refused"], json!({ "Duplicate": 1, "UnknownKey": 1 }));
        assert_eq!(json["seconds"], json!(1.5));
    }

    #[test]
    fn one_hostile_frame_that_was_delivered_is_not_ok() {
        let mut report = good();
        report.hostile(&Outcome::Delivered(1));
        assert!(!report.is_ok());
        assert_eq!(json_of(&report, Duration::ZERO, 0)["delivered"], json!(1));
    }

    #[test]
    fn one_genuine_frame_that_was_not_delivered_is_not_ok() {
        let mut report = good();
        report.genuine(1, &Outcome::Duplicate);
        assert!(!report.is_ok());
    }

    #[test]
    fn an_attempt_that_vanished_is_not_ok_where_all_are_followed() {
        let mut report = good();
        report.tried += 1;
        assert!(!report.is_ok());
        let mut report = Report::of_unfollowed(Attack::Restart);
        report.genuine(1, &Outcome::Delivered(1));
        report.tried = 5;
        assert!(report.is_ok());
    }

    #[test]
    fn an_attack_that_tried_nothing_is_not_ok() {
        assert!(!Report::new(Attack::Flood).is_ok());
        assert!(!Report::failed(Attack::Flood, &super::super::late("anything")).is_ok());
    }
}
