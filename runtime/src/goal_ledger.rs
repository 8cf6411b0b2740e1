//! The goals of one action server: how far each has come, who sent it, its result, and who waits for that.
//!
//! The key that sent a goal may ask for its result and have it canceled; so may whoever holds a role that permits the
//! call by the trust policy. Everything is bounded. No I/O here, and `now` is an argument.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio_msgs::action_msgs::msg::{GoalInfo, GoalStatus};
use nuncio_msgs::action_msgs::srv::CancelGoalResponse;
use nuncio_msgs::builtin_interfaces::msg::Time;
use tokio::sync::watch;

use crate::goal_id::GoalId;
use crate::goal_state::{GoalState, GoalStep};
use crate::security::key::PublicKey;

/// How many goals may be under way at a server.
pub(crate) const GOALS_MAX: usize = 1024;
/// How many results are kept.
const RESULTS_MAX: usize = 1024;
/// How long a result is kept, as in ROS 2.
const RESULT_KEPT: Duration = Duration::from_secs(15 * 60);
/// How many requests may wait for the result of one goal.
const WAITING_MAX: usize = 64;
/// How many of the goals that are over the status tells of.
const OVER_TOLD: usize = 100;

/// The goals, and requests `W` that wait for results.
#[derive(Debug)]
pub(crate) struct GoalLedger<W> {
    goals: HashMap<GoalId, Goal<W>>,
    /// Those that are over, the oldest first, and since when.
    over: VecDeque<(Instant, GoalId)>,
}

#[derive(Debug)]
struct Goal<W> {
    owner: PublicKey,
    accepted: Time,
    state: watch::Sender<GoalState>,
    /// The payload of the result, empty until the goal is over.
    result: Arc<[u8]>,
    waiting: Vec<W>,
}

/// Who asks for something about a goal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    pub(crate) key: PublicKey,
    /// Whether a role permits the call.
    pub(crate) holds_role: bool,
}

/// Why a goal is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotTaken {
    Full,
    Known,
}

/// What comes of a request for a result. What is not `Waits` gives the request back.
#[derive(Debug)]
pub(crate) enum ResultAsked<W> {
    Over(W, GoalState, Arc<[u8]>),
    Waits,
    /// There is no such goal, or not for this asker.
    Unknown(W),
    TooMany(W),
}

impl<W> GoalLedger<W> {
    pub(crate) fn new() -> Self {
        Self {
            goals: HashMap::new(),
            over: VecDeque::new(),
        }
    }

    /// Enters a goal as accepted, and gives what tells of its state.
    pub(crate) fn take(
        &mut self,
        id: GoalId,
        owner: PublicKey,
        accepted: Time,
        now: Instant,
    ) -> Result<watch::Receiver<GoalState>, NotTaken> {
        self.forget_old(now);
        if id == GoalId::NONE || self.goals.contains_key(&id) {
            return Err(NotTaken::Known);
        }
        if self.goals.len() - self.over.len() >= GOALS_MAX {
            return Err(NotTaken::Full);
        }
        let (state, told) = watch::channel(GoalState::Accepted);
        let goal = Goal {
            owner,
            accepted,
            state,
            result: Arc::default(),
            waiting: Vec::new(),
        };
        self.goals.insert(id, goal);
        Ok(told)
    }

    /// Strikes out a goal whose client never learned that it was accepted.
    pub(crate) fn strike_out(&mut self, id: GoalId) {
        self.goals.remove(&id);
    }

    /// Takes a step that does not end the goal; `false` when it cannot be taken.
    pub(crate) fn step(&mut self, id: GoalId, step: GoalStep) -> bool {
        let Some(goal) = self.goals.get(&id) else { return false };
        let next = goal.state.borrow().after(step);
        next.filter(|next| !next.is_over())
            .map(|next| goal.state.send_replace(next))
            .is_some()
    }

    /// Ends a goal and gives those who wait for its result; `None` when it cannot end so.
    pub(crate) fn end(&mut self, id: GoalId, step: GoalStep, result: Arc<[u8]>, now: Instant) -> Option<Vec<W>> {
        let goal = self.goals.get_mut(&id)?;
        let next = goal.state.borrow().after(step).filter(|next| next.is_over())?;
        goal.result = result;
        goal.state.send_replace(next);
        let waiting = std::mem::take(&mut goal.waiting);
        self.over.push_back((now, id));
        self.forget_old(now);
        Some(waiting)
    }

    /// A request for a result. Those that `is_moot` says nobody waits for make room for it.
    pub(crate) fn ask_result(
        &mut self,
        id: GoalId,
        asker: Asker,
        request: W,
        is_moot: impl Fn(&W) -> bool,
    ) -> ResultAsked<W> {
        let Some(goal) = self.goals.get_mut(&id).filter(|goal| goal.obeys(asker)) else {
            return ResultAsked::Unknown(request);
        };
        let state = *goal.state.borrow();
        if state.is_over() {
            return ResultAsked::Over(request, state, Arc::clone(&goal.result));
        }
        if goal.waiting.len() >= WAITING_MAX {
            goal.waiting.retain(|waiting| !is_moot(waiting));
        }
        if goal.waiting.len() >= WAITING_MAX {
            return ResultAsked::TooMany(request);
        }
        goal.waiting.push(request);
        ResultAsked::Waits
    }

    /// A request to cancel. With an id and no stamp, that goal is meant; with a stamp and no id, all accepted until then; with
    /// both, that goal and all accepted until then; with neither, all. Of many, only those that obey the asker are canceled.
    pub(crate) fn cancel(&mut self, which: &GoalInfo, asker: Asker) -> CancelGoalResponse {
        let (id, stamp) = (GoalId(which.goal_id.uuid), place(&which.stamp));
        let is_one = id != GoalId::NONE;
        let (mut canceling, mut has_refused) = (Vec::new(), false);
        for (other, goal) in &self.goals {
            let is_meant = match (is_one && *other == id, stamp) {
                (true, _) => true,
                (false, (0, 0)) => !is_one,
                (false, stamp) => place(&goal.accepted) <= stamp,
            };
            let next = goal.state.borrow().after(GoalStep::Cancel);
            let Some(next) = next.filter(|_| is_meant) else {
                continue;
            };
            if !goal.obeys(asker) {
                has_refused = true;
                continue;
            }
            goal.state.send_replace(next);
            canceling.push(goal.info(*other));
        }
        let one = self.goals.get(&id).map(|goal| *goal.state.borrow());
        let return_code = match one {
            _ if !canceling.is_empty() => CancelGoalResponse::ERROR_NONE,
            _ if has_refused => CancelGoalResponse::ERROR_REJECTED,
            None if is_one => CancelGoalResponse::ERROR_UNKNOWN_GOAL_ID,
            Some(state) if state.is_over() => CancelGoalResponse::ERROR_GOAL_TERMINATED,
            _ => CancelGoalResponse::ERROR_NONE,
        };
        CancelGoalResponse {
            return_code,
            goals_canceling: canceling,
        }
    }

    /// How far the goals have come: all that are under way, and the last that are over.
    pub(crate) fn status(&self) -> Vec<GoalStatus> {
        let is_told = |goal: &Goal<W>| !goal.state.borrow().is_over();
        let under_way = self.goals.iter().filter(|(_, goal)| is_told(goal));
        let over = self.over.iter().rev().take(OVER_TOLD);
        let over = over.filter_map(|(_, id)| self.goals.get_key_value(id));
        let status = |(id, goal): (&GoalId, &Goal<W>)| GoalStatus {
            goal_info: goal.info(*id),
            status: goal.state.borrow().number(),
        };
        let mut all: Vec<_> = under_way.chain(over).map(status).collect();
        all.sort_by_key(|status| (place(&status.goal_info.stamp), status.goal_info.goal_id.uuid));
        all
    }

    /// All who wait for results.
    pub(crate) fn take_waiting(&mut self) -> Vec<W> {
        let goals = self.goals.values_mut();
        goals.flat_map(|goal| std::mem::take(&mut goal.waiting)).collect()
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((since, id)) = self.over.front()
            && (self.over.len() > RESULTS_MAX || now.saturating_duration_since(*since) >= RESULT_KEPT)
        {
            self.goals.remove(id);
            self.over.pop_front();
        }
    }
}

impl<W> Goal<W> {
    /// Whether somebody may have it canceled and see its result.
    fn obeys(&self, asker: Asker) -> bool {
        asker.key == self.owner || asker.holds_role
    }

    fn info(&self, id: GoalId) -> GoalInfo {
        GoalInfo {
            goal_id: id.message(),
            stamp: self.accepted.clone(),
        }
    }
}

/// What stamps are sorted by.
fn place(stamp: &Time) -> (i32, u32) {
    (stamp.sec, stamp.nanosec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Asker = asker(1, false);
    const STRANGER: Asker = asker(2, false);
    const OPERATOR: Asker = asker(3, true);

    const fn asker(seed: u8, holds_role: bool) -> Asker {
        Asker {
            key: PublicKey::from_bytes([seed; 32]),
            holds_role,
        }
    }

    fn id(number: u16) -> GoalId {
        let mut octets = [7; 16];
        octets[..2].copy_from_slice(&number.to_le_bytes());
        GoalId(octets)
    }

    fn at(sec: i32) -> Time {
        Time { sec, nanosec: 0 }
    }

    /// A ledger with goals that were accepted at second 1, 2, … and are executing.
    fn executing(count: u16) -> GoalLedger<&'static str> {
        let mut ledger = GoalLedger::new();
        for number in 1..=count {
            ledger
                .take(id(number), OWNER.key, at(number.into()), Instant::now())
                .unwrap();
            assert!(ledger.step(id(number), GoalStep::Execute));
        }
        ledger
    }

    fn cancel(ledger: &mut GoalLedger<&'static str>, goal_id: GoalId, sec: i32, asker: Asker) -> (i8, usize) {
        let which = GoalInfo {
            goal_id: goal_id.message(),
            stamp: at(sec),
        };
        let response = ledger.cancel(&which, asker);
        (response.return_code, response.goals_canceling.len())
    }

    #[test]
    fn whoever_waits_for_a_result_gets_it_and_so_does_whoever_asks_later() {
        let (mut ledger, now) = (executing(1), Instant::now());
        let never = |_: &_| false;
        assert!(matches!(
            ledger.ask_result(id(1), OWNER, "first", never),
            ResultAsked::Waits
        ));
        assert!(matches!(
            ledger.ask_result(id(1), STRANGER, "spy", never),
            ResultAsked::Unknown("spy")
        ));
        assert!(matches!(
            ledger.ask_result(id(9), OWNER, "lost", never),
            ResultAsked::Unknown("lost")
        ));
        let waiting = ledger.end(id(1), GoalStep::Succeed, Arc::from(*b"34"), now);
        assert_eq!(waiting, Some(vec!["first"]));
        assert_eq!(
            ledger.end(id(1), GoalStep::Abort, Arc::default(), now),
            None,
            "it is over"
        );
        let later = ledger.ask_result(id(1), OPERATOR, "later", never);
        assert!(matches!(later, ResultAsked::Over("later", GoalState::Succeeded, result) if *result == *b"34"));
    }

    #[test]
    fn results_are_kept_for_a_time_and_as_many_as_there_is_room_for() {
        let mut ledger = GoalLedger::<()>::new();
        let start = Instant::now();
        for number in 0..1500 {
            ledger.take(id(number), OWNER.key, at(1), start).unwrap();
            ledger.end(id(number), GoalStep::Abort, Arc::default(), start).unwrap();
        }
        assert_eq!((ledger.goals.len(), ledger.over.len()), (RESULTS_MAX, RESULTS_MAX));
        assert_eq!(ledger.status().len(), OVER_TOLD);
        ledger.take(id(2000), OWNER.key, at(2), start + RESULT_KEPT).unwrap();
        assert_eq!((ledger.goals.len(), ledger.over.len()), (1, 0));
    }

    #[test]
    fn so_many_goals_are_taken_and_none_twice() {
        let mut ledger = executing(1024);
        let now = Instant::now();
        assert_eq!(ledger.take(id(5), OWNER.key, at(1), now).unwrap_err(), NotTaken::Known);
        assert_eq!(
            ledger.take(GoalId::NONE, OWNER.key, at(1), now).unwrap_err(),
            NotTaken::Known
        );
        assert_eq!(
            ledger.take(id(2000), OWNER.key, at(1), now).unwrap_err(),
            NotTaken::Full
        );
        ledger.end(id(5), GoalStep::Succeed, Arc::default(), now).unwrap();
        assert!(ledger.take(id(2000), OWNER.key, at(1), now).is_ok());
    }

    #[test]
    fn requests_that_nobody_waits_for_make_room_for_others() {
        let mut ledger = executing(1);
        for _ in 0..WAITING_MAX {
            assert!(matches!(
                ledger.ask_result(id(1), OWNER, "moot", |_| false),
                ResultAsked::Waits
            ));
        }
        assert!(matches!(
            ledger.ask_result(id(1), OWNER, "new", |_| false),
            ResultAsked::TooMany("new")
        ));
        assert!(matches!(
            ledger.ask_result(id(1), OWNER, "new", |waiting| *waiting == "moot"),
            ResultAsked::Waits
        ));
        assert_eq!(ledger.take_waiting(), ["new"]);
    }

    #[test]
    fn id_and_stamp_say_which_goals_are_canceled() {
        assert_eq!(
            cancel(&mut executing(3), id(2), 0, OWNER),
            (CancelGoalResponse::ERROR_NONE, 1)
        );
        assert_eq!(
            cancel(&mut executing(3), GoalId::NONE, 2, OWNER),
            (CancelGoalResponse::ERROR_NONE, 2)
        );
        assert_eq!(
            cancel(&mut executing(3), id(3), 1, OWNER),
            (CancelGoalResponse::ERROR_NONE, 2)
        );
        assert_eq!(
            cancel(&mut executing(3), GoalId::NONE, 0, OPERATOR),
            (CancelGoalResponse::ERROR_NONE, 3)
        );
    }

    #[test]
    fn a_stranger_cancels_nothing_and_is_told_so() {
        let mut ledger = executing(2);
        assert_eq!(
            cancel(&mut ledger, id(1), 0, STRANGER),
            (CancelGoalResponse::ERROR_REJECTED, 0)
        );
        assert_eq!(
            cancel(&mut ledger, GoalId::NONE, 0, STRANGER),
            (CancelGoalResponse::ERROR_REJECTED, 0)
        );
        assert_eq!(
            cancel(&mut ledger, id(9), 0, OWNER),
            (CancelGoalResponse::ERROR_UNKNOWN_GOAL_ID, 0)
        );
        ledger
            .end(id(1), GoalStep::Succeed, Arc::default(), Instant::now())
            .unwrap();
        assert_eq!(
            cancel(&mut ledger, id(1), 0, OWNER),
            (CancelGoalResponse::ERROR_GOAL_TERMINATED, 0)
        );
    }
}
