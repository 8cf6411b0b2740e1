//! `float32[]` and `float64[]`: written as any list, read in blocks that are there before their elements are. A loop
//! that never asks for memory is one that the compiler turns into a copy, in formats where floats have a fixed size.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// How many elements a block has: what a list claims about its length may be a lie, and costs no more than this.
const BLOCK_LEN: usize = 4096;

/// A list that serialises so.
#[derive(Clone, Copy, Debug)]
pub struct Floats<'a, T>(pub &'a [T]);

/// A list that deserialises so.
#[derive(Clone, Debug)]
pub struct FloatBuf<T>(pub Vec<T>);

impl<T: Serialize> Serialize for Floats<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de> + Copy + Default> Deserialize<'de> for FloatBuf<T> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FloatVisitor(PhantomData)).map(Self)
    }
}

struct FloatVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Copy + Default> Visitor<'de> for FloatVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut list: Vec<T> = Vec::new();
        loop {
            let start = list.len();
            let block = sequence.size_hint().unwrap_or(1).clamp(1, BLOCK_LEN);
            list.resize(start + block, T::default());
            for (index, element) in list.iter_mut().enumerate().skip(start) {
                let Some(value) = sequence.next_element()? else {
                    list.truncate(index);
                    return Ok(list);
                };
                *element = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_a_list_and_give_the_same_list() {
        for len in [0, 1, BLOCK_LEN - 1, BLOCK_LEN, BLOCK_LEN + 1, 3 * BLOCK_LEN + 7] {
            let list: Vec<f64> = (0_u32..).map(|index| f64::from(index) / 3.0).take(len).collect();
            let bytes = postcard::to_stdvec(&list).unwrap();
            assert_eq!(postcard::to_stdvec(&Floats(&list)).unwrap(), bytes);
            assert_eq!(postcard::from_bytes::<FloatBuf<f64>>(&bytes).unwrap().0, list);
            let json = serde_json::to_string(&Floats(&list)).unwrap();
            assert_eq!(serde_json::from_str::<FloatBuf<f64>>(&json).unwrap().0, list);
        }
    }

    #[test]
    fn a_number_is_kept_to_the_last_bit() {
        let signalling_nan = f32::from_bits(0x7fa0_0001);
        let bytes = postcard::to_stdvec(&Floats(&[signalling_nan, -0.0])).unwrap();
        assert_eq!(bytes, [2, 0x01, 0, 0xa0, 0x7f, 0, 0, 0, 0x80]);
        let bits: Vec<u32> = postcard::from_bytes::<FloatBuf<f32>>(&bytes)
            .unwrap()
            .0
            .into_iter()
            .map(f32::to_bits)
            .collect();
        assert_eq!(bits, [0x7fa0_0001, 0x8000_0000]);
    }

    #[test]
    fn a_list_that_claims_more_than_there_is_is_refused() {
        let mut claims = postcard::to_stdvec(&u64::MAX).unwrap();
        claims.extend([0; 64]);
        assert!(postcard::from_bytes::<FloatBuf<f32>>(&claims).is_err());
        let short = postcard::to_stdvec(&vec![1.0_f32; 3]).unwrap();
        for len in 0..short.len() {
            assert!(
                postcard::from_bytes::<FloatBuf<f32>>(&short[..len]).is_err(),
                "at {len}"
            );
        }
    }

    /// A sequence that promises more, or less, than comes.
    struct Promises(usize, std::vec::IntoIter<f32>);

    impl<'de> SeqAccess<'de> for Promises {
        type Error = serde::de::value::Error;

        fn next_element_seed<S: serde::de::DeserializeSeed<'de>>(
            &mut self,
            seed: S,
        ) -> Result<Option<S::Value>, Self::Error> {
            use serde::de::IntoDeserializer;
            self.1
                .next()
                .map(|value| seed.deserialize(value.into_deserializer()))
                .transpose()
        }

        fn size_hint(&self) -> Option<usize> {
            Some(self.0)
        }
    }

    #[test]
    fn what_a_sequence_promises_about_its_length_is_only_a_hint() {
        for promised in [0, 1, 3, 5, usize::MAX] {
            let sequence = Promises(promised, vec![1.0, 2.0, 3.0].into_iter());
            assert_eq!(
                FloatVisitor::<f32>(PhantomData).visit_seq(sequence).unwrap(),
                [1.0, 2.0, 3.0]
            );
        }
    }
}
