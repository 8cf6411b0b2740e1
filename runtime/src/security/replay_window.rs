//! The replay window: which numbers of one writer are still acceptable.
//!
//! A signature proves who wrote a frame, not when it was sent. Whoever records a signed frame can put it on the
//! network again, so every writer numbers its messages and the receiver remembers what it has seen.
//!
//! # Invariants
//!
//! - A number is accepted at most once per epoch, and never again once a later epoch was accepted.
//! - The slot of a number holds the tag of the frame that brought it, and is empty for numbers not seen.
//! - Memory per writer is constant: [`WINDOW_LEN`] tags, whatever the traffic.
//!
//! Checking changes nothing; admitting is the caller's last step, after the signature held. No I/O, no clock.

/// How far behind the newest number a late message may arrive, in messages.
pub const WINDOW_LEN: usize = 1024;

/// Eight bytes of a frame's digest, by which the same content is told from another.
pub(crate) type ContentTag = u64;

/// What one writer has sent so far.
#[derive(Debug)]
pub struct ReplayWindow {
    epoch: u64,
    newest: u64,
    tags: Box<[ContentTag; WINDOW_LEN]>,
}

/// The numbers of one frame: `first ..= last` of `epoch`.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    /// The publisher's instance.
    pub epoch: u64,
    /// The first message.
    pub first: u64,
    /// The last message, at least `first`.
    pub last: u64,
}

/// What the window says of a frame that it would not refuse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Novelty {
    /// Not seen before.
    New,
    /// The very same frame was accepted before.
    Duplicate,
}

/// Why the window refuses a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplayError {
    /// A later instance of the writer was accepted already.
    StaleEpoch {
        /// The epoch of that instance.
        current: u64,
    },
    /// The numbers are below the window.
    TooOld {
        /// The newest number accepted.
        newest: u64,
    },
    /// The number was accepted before with other content.
    Equivocation {
        /// That number.
        number: u64,
    },
}

impl ReplayWindow {
    /// A window that has accepted nothing of `epoch` yet.
    pub fn new(epoch: u64) -> Self {
        Self {
            epoch,
            newest: 0,
            tags: Box::new([0; WINDOW_LEN]),
        }
    }

    /// Whether a frame may still be accepted.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] when it may not.
    pub fn check(&self, numbers: Numbers, tag: ContentTag) -> Result<Novelty, ReplayError> {
        let Numbers { epoch, first, last } = numbers;
        if epoch < self.epoch {
            return Err(ReplayError::StaleEpoch { current: self.epoch });
        }
        if epoch > self.epoch || first > self.newest {
            return Ok(Novelty::New);
        }
        let oldest = self.oldest();
        if first < oldest {
            return Err(ReplayError::TooOld { newest: self.newest });
        }
        let mut novelty = Novelty::New;
        for number in first..=last.min(self.newest) {
            match self.tags.get(slot(number)).copied().unwrap_or_default() {
                0 => {}
                seen if seen == non_zero(tag) => novelty = Novelty::Duplicate,
                _ => return Err(ReplayError::Equivocation { number }),
            }
        }
        Ok(novelty)
    }

    /// Remembers a frame that was checked and whose signature held. Gives how many numbers directly before it are
    /// missing: 0 for the first frame of an epoch and for one that comes late.
    pub fn admit(&mut self, numbers: Numbers, tag: ContentTag) -> u64 {
        let Numbers { epoch, first, last } = numbers;
        let begins = epoch > self.epoch || self.newest == 0;
        if epoch > self.epoch {
            self.epoch = epoch;
            self.newest = 0;
            self.tags.fill(0);
        }
        let missing = if begins {
            0
        } else {
            first.saturating_sub(self.newest.saturating_add(1))
        };
        if last > self.newest {
            if last - self.newest >= WINDOW_LEN as u64 {
                self.tags.fill(0);
            } else {
                (self.newest + 1..=last).for_each(|number| self.set(number, 0));
            }
            self.newest = last;
        }
        (first.max(self.oldest())..=last).for_each(|number| self.set(number, non_zero(tag)));
        missing
    }

    /// The epoch of the newest instance accepted.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The lowest number that the window can still tell.
    fn oldest(&self) -> u64 {
        self.newest.saturating_sub(WINDOW_LEN as u64 - 1).max(1)
    }

    fn set(&mut self, number: u64, tag: ContentTag) {
        if let Some(place) = self.tags.get_mut(slot(number)) {
            *place = tag;
        }
    }
}

fn slot(number: u64) -> usize {
    (number % WINDOW_LEN as u64) as usize
}

/// Zero marks an empty slot.
fn non_zero(tag: ContentTag) -> ContentTag {
    tag.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(epoch: u64, number: u64) -> Numbers {
        Numbers {
            epoch,
            first: number,
            last: number,
        }
    }

    #[test]
    fn each_number_is_new_once_and_then_a_duplicate() {
        let mut window = ReplayWindow::new(5);
        for number in [1, 3, 2, 900, 1500] {
            assert_eq!(window.check(one(5, number), 7 + number), Ok(Novelty::New));
            window.admit(one(5, number), 7 + number);
            assert_eq!(window.check(one(5, number), 7 + number), Ok(Novelty::Duplicate));
        }
    }

    #[test]
    fn other_content_under_a_seen_number_is_equivocation() {
        let mut window = ReplayWindow::new(5);
        window.admit(
            Numbers {
                epoch: 5,
                first: 10,
                last: 20,
            },
            1,
        );
        assert_eq!(
            window.check(one(5, 15), 2),
            Err(ReplayError::Equivocation { number: 15 })
        );
        let overlapping = Numbers {
            epoch: 5,
            first: 18,
            last: 30,
        };
        assert_eq!(
            window.check(overlapping, 2),
            Err(ReplayError::Equivocation { number: 18 })
        );
    }

    #[test]
    fn a_number_below_the_window_is_too_old_even_if_never_seen() {
        let mut window = ReplayWindow::new(1);
        window.admit(one(1, 5000), 1);
        assert_eq!(window.check(one(1, 5000 - 1023), 2), Ok(Novelty::New));
        assert_eq!(
            window.check(one(1, 5000 - 1024), 2),
            Err(ReplayError::TooOld { newest: 5000 })
        );
    }

    #[test]
    fn a_later_epoch_fences_the_older_one() {
        let mut window = ReplayWindow::new(1);
        window.admit(one(1, 50), 1);
        assert_eq!(window.admit(one(2, 7), 1), 0);
        assert_eq!(window.check(one(1, 51), 2), Err(ReplayError::StaleEpoch { current: 2 }));
        assert_eq!(window.check(one(2, 50), 3), Ok(Novelty::New));
    }

    #[test]
    fn missing_numbers_are_counted_where_they_are_noticed() {
        let mut window = ReplayWindow::new(1);
        assert_eq!(
            window.admit(one(1, 40), 1),
            0,
            "what came before the first is nobody's gap"
        );
        assert_eq!(
            window.admit(
                Numbers {
                    epoch: 1,
                    first: 41,
                    last: 44
                },
                2
            ),
            0
        );
        assert_eq!(window.admit(one(1, 50), 3), 5);
        assert_eq!(window.admit(one(1, 47), 4), 0, "a late one closes a gap and opens none");
        assert_eq!(window.admit(one(2, 3), 5), 0);
    }

    #[test]
    fn slots_are_emptied_when_the_window_moves_over_them() {
        let mut window = ReplayWindow::new(1);
        for number in 1..=1024 {
            window.admit(one(1, number), 9);
        }
        window.admit(one(1, 1030), 9);
        for number in 1025..1030 {
            assert_eq!(window.check(one(1, number), 3), Ok(Novelty::New), "{number}");
        }
        window.admit(one(1, u64::MAX), 9);
        assert_eq!(window.check(one(1, u64::MAX - 1), 3), Ok(Novelty::New));
    }

    #[test]
    fn a_frame_longer_than_the_window_is_remembered_by_its_end() {
        let mut window = ReplayWindow::new(1);
        let long = Numbers {
            epoch: 1,
            first: 1,
            last: 5000,
        };
        assert_eq!(window.check(long, 4), Ok(Novelty::New));
        window.admit(long, 4);
        assert_eq!(window.check(long, 4), Err(ReplayError::TooOld { newest: 5000 }));
        assert_eq!(window.check(one(1, 5000), 4), Ok(Novelty::Duplicate));
    }

    /// Against a set of everything ever admitted, over a long pseudo-random history.
    #[test]
    fn it_agrees_with_a_memory_without_bounds() {
        let mut window = ReplayWindow::new(1);
        let mut seen = std::collections::HashSet::new();
        let (mut state, mut newest) = (1_u64, 0_u64);
        for _ in 0..200_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let number = (newest + 20).saturating_sub(state >> 53).max(1);
            let expected = if number + 1023 < newest {
                Err(ReplayError::TooOld { newest })
            } else if seen.contains(&number) {
                Ok(Novelty::Duplicate)
            } else {
                Ok(Novelty::New)
            };
            assert_eq!(window.check(one(1, number), number), expected);
            if expected == Ok(Novelty::New) {
                window.admit(one(1, number), number);
                seen.insert(number);
                newest = newest.max(number);
            }
        }
    }
}
