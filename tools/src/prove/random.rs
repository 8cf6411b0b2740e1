//! Random choices that can be made again: SplitMix64 from a seed. Nothing secret comes from here.
//!
//! Its own few lines, so that a seed means the same choices in every version of every library.

/// A source of choices.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    /// The choices that belong to a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 bits.
    pub(super) const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub(super) const fn below(&mut self, end: usize) -> usize {
        match (self.bits() as usize).checked_rem(end) {
            Some(chosen) => chosen,
            None => 0,
        }
    }

    /// One of several; `None` when there are none.
    pub(super) fn one_of<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// Some bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// A byte.
    pub(super) const fn byte(&mut self) -> u8 {
        self.bits() as u8
    }

    /// Bytes, such as a key that nobody has.
    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_means_the_same_choices() {
        let mut random = Random::new(0);
        assert_eq!(
            random.bits(),
            0xe220_a839_7b1d_cdaf,
            "the first number of the published reference"
        );
        let choices = |seed| {
            let mut random = Random::new(seed);
            [random.bits(), random.bits(), random.bits()]
        };
        assert_eq!(choices(7), choices(7));
        assert_ne!(choices(7), choices(8));
        assert_eq!(Random::new(1).below(0), 0);
    }
}
