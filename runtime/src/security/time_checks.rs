//! When was it: the checks of a frame's times and numbers that need no signature. Pure: the time is handed in.

use std::time::Duration;

use super::floor::Floor;
use super::frame::Layout;
use super::peers::WriterFacts;
use super::refusal::{Reason, Refusal};
use super::topic_limits::TopicLimits;
use super::trust_policy::TrustPolicy;

/// Checks that a frame is live as far as its times and numbers tell. Without a floor it need not be live: it was asked for,
/// and only the limits of its topic and the future bound it.
///
/// Source times are read by the publisher's clock. Where its offset to ours was measured at first contact, it is taken into
/// account, so that a clock that is wrong but steady makes no message old.
pub(super) fn check(
    layout: &Layout,
    facts: &WriterFacts,
    floor: Option<Floor>,
    policy: &TrustPolicy,
    limits: &TopicLimits,
    now_ns: i64,
) -> Result<(), Refusal> {
    let header = &layout.header;
    let refuse = |reason, detail: String| Err(Refusal::new(reason, Some(header.key), detail));
    let is_fresh = |floor: &Floor| floor.is_fresh(layout.last_number(), header.first_time_ns);
    if let Some(floor) = floor
        && (!is_fresh(&facts.floor) || !is_fresh(&floor))
    {
        return refuse(
            Reason::TooOld,
            format!(
                "number {} was published before first contact, which began at {}",
                header.first_number,
                facts.floor.number.max(floor.number)
            ),
        );
    }
    let offset_ns = facts.peer.clock_offset_ns();
    let age = now_ns
        .saturating_add(offset_ns.unwrap_or_default())
        .saturating_sub(header.first_time_ns);
    let clocks = match offset_ns {
        Some(_) => "",
        None => ", by two clocks whose difference could not be measured",
    };
    let ms = |nanos: i64| nanos / 1_000_000;
    for (max, whose) in [
        (policy.stamp_age_max.filter(|_| floor.is_some()), "are allowed"),
        (limits.max_age, "are allowed on this topic"),
    ] {
        if let Some(max) = nanos(max).filter(|max| age > *max) {
            let detail = format!("published {} ms ago, at most {} ms {whose}{clocks}", ms(age), ms(max));
            return refuse(Reason::StampTooOld, detail);
        }
    }
    if let Some(max) = nanos(policy.stamp_ahead_max).filter(|max| age.saturating_neg() > *max) {
        let (ahead, max) = (ms(age.saturating_neg()), ms(max));
        let detail = format!("published {ahead} ms in the future, at most {max} ms are allowed{clocks}");
        return refuse(Reason::StampInFuture, detail);
    }
    Ok(())
}

fn nanos(duration: Option<Duration>) -> Option<i64> {
    duration.map(|duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}
