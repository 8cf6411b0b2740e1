//! Samples of ROS 2 and the proofs that belong to them, until both are there or it is too late. Pure: the time is handed in.
//!
//! What a proof is worth is decided elsewhere; here it has an outcome already. A sample waits for one that holds: somebody may
//! send others that do not, and those keep no true one away.
//!
//! # Invariants
//!
//! - What waits is bounded in number and bytes. The oldest goes first, as if its time were over.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::proof::Tie;

/// How long a sample waits for its proof, and a proof for its sample.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// How many samples wait.
const SAMPLES_MAX: usize = 1024;

/// How many bytes of them.
const SAMPLE_BYTES_MAX: usize = 64 << 20;

/// How many samples have proofs that wait.
const TIES_MAX: usize = 4096;

/// How many proofs of one sample wait.
const PROOFS_EACH: usize = 4;

/// A sample that waits for a proof that holds.
#[derive(Debug)]
pub(crate) struct Sample {
    /// The key that it was put on.
    pub(crate) key: String,
    pub(crate) tie: Tie,
    pub(crate) cdr: Vec<u8>,
}

/// Who waits for whom. `P`: a proof, `R`: why one did not hold.
#[derive(Debug)]
pub(crate) struct ShownPairs<P, R> {
    samples: VecDeque<(Instant, Sample, Option<R>)>,
    bytes: usize,
    proofs: HashMap<(String, Tie), Vec<P>>,
    ties: VecDeque<(Instant, (String, Tie))>,
}

impl<P, R> Default for ShownPairs<P, R> {
    fn default() -> Self {
        Self {
            samples: VecDeque::new(),
            bytes: 0,
            proofs: HashMap::new(),
            ties: VecDeque::new(),
        }
    }
}

impl<P: Clone, R> ShownPairs<P, R> {
    /// A proof has come. Gives the samples that wait for it, and since when.
    pub(crate) fn add_proof(&mut self, key: &str, tie: Tie, proof: P, now: Instant) -> Vec<(Instant, Sample)> {
        let id = (key.to_owned(), tie);
        let proofs = self.proofs.entry(id.clone()).or_default();
        if proofs.is_empty() {
            self.ties.push_back((now, id));
        }
        if proofs.len() < PROOFS_EACH {
            proofs.push(proof);
        }
        self.forget_proofs(now);
        let is_of = |sample: &Sample| sample.tie == tie && sample.key == key;
        let mut waiting = Vec::new();
        while let Some(at) = self.samples.iter().position(|(_, sample, _)| is_of(sample))
            && let Some((since, sample, _)) = self.samples.remove(at)
        {
            self.bytes -= sample.cdr.len();
            waiting.push((since, sample));
        }
        waiting
    }

    /// The proofs that are there for a sample.
    pub(crate) fn proofs_of(&self, sample: &Sample) -> Vec<P> {
        let id = (sample.key.clone(), sample.tie);
        self.proofs.get(&id).cloned().unwrap_or_default()
    }

    /// Has a sample wait that came then. `why`: why the proofs that are there do not hold.
    pub(crate) fn wait(&mut self, sample: Sample, why: Option<R>, since: Instant) {
        self.bytes += sample.cdr.len();
        let at = self.samples.partition_point(|(earlier, ..)| *earlier <= since);
        self.samples.insert(at, (since, sample, why));
    }

    /// Takes a sample that has waited too long, and why its proofs did not hold, if there were any.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Option<(Sample, Option<R>)> {
        let (since, ..) = self.samples.front()?;
        let is_overdue = *since + PATIENCE <= now || self.samples.len() > SAMPLES_MAX || self.bytes > SAMPLE_BYTES_MAX;
        if !is_overdue {
            return None;
        }
        let (_, sample, why) = self.samples.pop_front()?;
        self.bytes -= sample.cdr.len();
        Some((sample, why))
    }

    /// Takes a sample whose proofs did not hold, whether or not its time is over.
    pub(crate) fn take_refused(&mut self) -> Option<R> {
        while let Some((_, sample, why)) = self.samples.pop_front() {
            self.bytes -= sample.cdr.len();
            if why.is_some() {
                return why;
            }
        }
        None
    }

    /// When the next sample will have waited too long.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.samples.front().map(|(since, ..)| *since + PATIENCE)
    }

    fn forget_proofs(&mut self, now: Instant) {
        while let Some((since, _)) = self.ties.front()
            && (*since + PATIENCE <= now || self.ties.len() > TIES_MAX)
            && let Some((_, id)) = self.ties.pop_front()
        {
            self.proofs.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gid::Gid;
    use super::*;

    type Pairs = ShownPairs<u8, &'static str>;

    fn tie(number: i64) -> Tie {
        Tie {
            gid: Gid([1; 16]),
            number,
        }
    }

    fn sample(number: i64, len: usize) -> Sample {
        Sample {
            key: "k".to_owned(),
            tie: tie(number),
            cdr: vec![0; len],
        }
    }

    #[test]
    fn whichever_comes_first_waits_for_the_other() {
        let (mut pairs, now) = (Pairs::default(), Instant::now());
        assert!(pairs.add_proof("k", tie(1), 10, now).is_empty());
        assert_eq!(pairs.proofs_of(&sample(1, 0)), [10]);
        assert!(pairs.proofs_of(&sample(2, 0)).is_empty());
        pairs.wait(sample(2, 5), None, now);
        assert!(pairs.add_proof("other", tie(2), 20, now).is_empty());
        let waiting = pairs.add_proof("k", tie(2), 20, now);
        assert_eq!(
            waiting.iter().map(|(_, sample)| sample.tie).collect::<Vec<_>>(),
            [tie(2)]
        );
        assert!(pairs.take_overdue(now + PATIENCE).is_none());
    }

    #[test]
    fn proofs_that_do_not_hold_give_a_sample_no_more_time() {
        let (mut pairs, now) = (Pairs::default(), Instant::now());
        pairs.wait(sample(1, 5), None, now);
        let later = now + PATIENCE / 2;
        pairs.wait(sample(2, 5), None, later);
        for (since, sample) in pairs.add_proof("k", tie(1), 10, later) {
            pairs.wait(sample, Some("forged"), since);
        }
        let (overdue, why) = pairs.take_overdue(now + PATIENCE).unwrap();
        assert_eq!((overdue.tie, why), (tie(1), Some("forged")));
        assert!(pairs.take_overdue(now + PATIENCE).is_none());
    }

    #[test]
    fn a_sample_waits_no_longer_than_it_may_and_says_why_its_proofs_did_not_hold() {
        let (mut pairs, now) = (Pairs::default(), Instant::now());
        pairs.wait(sample(1, 5), Some("forged"), now);
        pairs.wait(sample(2, 5), None, now);
        assert_eq!(pairs.next_deadline(), Some(now + PATIENCE));
        assert!(pairs.take_overdue(now).is_none());
        let (overdue, why) = pairs.take_overdue(now + PATIENCE).unwrap();
        assert_eq!((overdue.tie, why), (tie(1), Some("forged")));
        assert_eq!(pairs.take_overdue(now + PATIENCE).unwrap().1, None);
        assert_eq!(pairs.bytes, 0);
    }

    #[test]
    fn what_waits_is_bounded() {
        let (mut pairs, now) = (Pairs::default(), Instant::now());
        for number in 0..=i64::try_from(SAMPLES_MAX).unwrap() {
            pairs.wait(sample(number, 1), None, now);
        }
        assert_eq!(pairs.take_overdue(now).unwrap().0.tie, tie(0));
        assert!(pairs.take_overdue(now).is_none());
        pairs.wait(sample(-1, SAMPLE_BYTES_MAX), None, now);
        assert!(pairs.take_overdue(now).is_some());
        for number in 0..=i64::try_from(TIES_MAX).unwrap() {
            pairs.add_proof("k", tie(number), 1, now);
        }
        assert_eq!((pairs.proofs.len(), pairs.ties.len()), (TIES_MAX, TIES_MAX));
        for _ in 0..9 {
            pairs.add_proof("k", tie(5), 2, now);
        }
        assert_eq!(pairs.proofs_of(&sample(5, 0)).len(), PROOFS_EACH);
        pairs.add_proof("k", tie(-5), 2, now + PATIENCE);
        assert_eq!(pairs.proofs.len(), 1);
    }
}
