//! Mutations: what somebody without the key can make of genuine frames, with the format in hand.

use nuncio::security::frame::{HEADER_LEN, Layout, SIGNATURE_LEN, TRAILER_LEN};

use super::random::Random;

/// Numbers at which arithmetic goes wrong if it can.
const EDGES: [u64; 10] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xffff,
    0xffff_ffff,
    i64::MAX as u64,
    u64::MAX - 1,
    u64::MAX,
];

/// The order of the group of Ed25519, little-endian. A signature whose second half has it added is valid to those who
/// do not look closely.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The neutral point and one of order 4: keys under which anybody can sign where they are let in.
const SMALL_ORDER: [[u8; 32]; 2] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ],
];

/// A frame that nobody signed, made of `genuine` and sometimes of `other`.
pub(super) fn mutated(genuine: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = genuine.to_vec();
    match random.below(18) {
        0 => flip_bits(&mut bytes, random),
        1 => overwrite_bytes(&mut bytes, random),
        2 | 3 => edge_in_a_header_field(&mut bytes, random),
        4 => set(&mut bytes, 2 + random.below(4), random.byte()),
        5 => nudge_u16(&mut bytes, 6, random),
        6 => {
            let at = bytes.len().saturating_sub(TRAILER_LEN) + 2 * random.below(2);
            nudge_u16(&mut bytes, at, random);
        }
        7 => bytes.truncate(random.below(bytes.len())),
        8 => bytes.extend((0..1 + random.below(80)).map(|_| random.byte())),
        9 => drop_or_double(&mut bytes, random),
        10 => return spliced(genuine, other, random.below(genuine.len()), random.below(other.len())),
        11 => return spliced_at_parts(genuine, other, random),
        12 => with_end_of(&mut bytes, other, SIGNATURE_LEN),
        13 => with_end_of(&mut bytes, other, TRAILER_LEN),
        14 => shuffle_siblings(&mut bytes, random),
        15 => {
            let at = HEADER_LEN + random.below(4);
            set(&mut bytes, at, *random.one_of(&[0, 1, 0x7f, 0x80, 0xff]).unwrap_or(&0));
        }
        16 => swap_key(&mut bytes, random),
        _ => add_group_order(&mut bytes),
    }
    bytes
}

fn set(bytes: &mut [u8], at: usize, value: u8) {
    if let Some(place) = bytes.get_mut(at) {
        *place = value;
    }
}

fn flip_bits(bytes: &mut [u8], random: &mut Random) {
    for _ in 0..1 + random.below(8) {
        let at = random.below(bytes.len());
        let bit = 1 << random.below(8);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= bit;
        }
    }
}

fn overwrite_bytes(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    let many = 1 + random.below(16);
    bytes
        .iter_mut()
        .skip(at)
        .take(many)
        .for_each(|byte| *byte = random.byte());
}

/// Writer, epoch, number, time or type hash.
fn edge_in_a_header_field(bytes: &mut [u8], random: &mut Random) {
    let field = bytes
        .get_mut(40 + 8 * random.below(5)..)
        .and_then(<[u8]>::first_chunk_mut::<8>);
    let Some(field) = field else { return };
    let found = u64::from_le_bytes(*field);
    let value = match random.below(4) {
        0 => found.wrapping_add(1),
        1 => found.wrapping_sub(1),
        2 => random.bits(),
        _ => *random.one_of(&EDGES).unwrap_or(&0),
    };
    *field = value.to_le_bytes();
}

fn nudge_u16(bytes: &mut [u8], at: usize, random: &mut Random) {
    let Some(field) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<2>) else {
        return;
    };
    let found = u16::from_le_bytes(*field);
    let value = match random.below(4) {
        0 => found.wrapping_add(1),
        1 => found.wrapping_sub(1),
        2 => random.bits() as u16,
        _ => *random.one_of(&[0, 1, 2, 255, 256, 257, u16::MAX]).unwrap_or(&0),
    };
    *field = value.to_le_bytes();
}

fn drop_or_double(bytes: &mut Vec<u8>, random: &mut Random) {
    let from = random.below(bytes.len());
    let to = (from + 1 + random.below(40)).min(bytes.len());
    if random.below(2) == 0 {
        bytes.drain(from..to);
    } else {
        bytes.extend_from_within(from..to);
        let moved = to - from;
        if let Some(rest) = bytes.get_mut(from..) {
            rest.rotate_right(moved);
        }
    }
}

fn spliced(head: &[u8], tail: &[u8], head_len: usize, tail_from: usize) -> Vec<u8> {
    let head = head.get(..head_len).unwrap_or_default();
    let tail = tail.get(tail_from..).unwrap_or_default();
    [head, tail].concat()
}

/// Header of one, messages of another; or messages of one and the proof of another.
fn spliced_at_parts(one: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let (Ok(first), Ok(second)) = (Layout::parse(one), Layout::parse(other)) else {
        return Vec::new();
    };
    match random.below(3) {
        0 => spliced(one, other, HEADER_LEN, HEADER_LEN),
        1 => spliced(one, other, first.siblings().start, second.siblings().start),
        _ => {
            let middle = other.get(HEADER_LEN..second.siblings().start).unwrap_or_default();
            let ends = (one.get(..HEADER_LEN), one.get(first.siblings().start..));
            [ends.0.unwrap_or_default(), middle, ends.1.unwrap_or_default()].concat()
        }
    }
}

/// The last bytes of another frame: its signature, or its place in a tree, too.
fn with_end_of(bytes: &mut Vec<u8>, other: &[u8], len: usize) {
    bytes.truncate(bytes.len().saturating_sub(len));
    bytes.extend_from_slice(other.get(other.len().saturating_sub(len)..).unwrap_or_default());
}

fn shuffle_siblings(bytes: &mut Vec<u8>, random: &mut Random) {
    let Ok(layout) = Layout::parse(bytes) else { return };
    let siblings = layout.siblings();
    if siblings.is_empty() || random.below(4) == 0 {
        // One more hash than the tree has levels.
        let hash: [u8; 32] = random.array();
        bytes.splice(siblings.start..siblings.start, hash);
    } else if random.below(3) == 0 {
        bytes.drain(siblings.start..siblings.start + 32);
    } else if let Some(hashes) = bytes.get_mut(siblings) {
        match random.below(2) {
            0 => hashes.rotate_left(32),
            _ => hashes.fill(0),
        }
        // Rotating a single hash changes nothing.
        set(hashes, 0, random.byte());
    }
}

fn swap_key(bytes: &mut [u8], random: &mut Random) {
    let key = match random.below(2) {
        0 => random.array(),
        _ => *random.one_of(&SMALL_ORDER).unwrap_or(&[0; 32]),
    };
    if let Some(place) = bytes.get_mut(8..40) {
        place.copy_from_slice(&key);
    }
}

fn add_group_order(bytes: &mut [u8]) {
    let Some(scalar) = bytes.last_chunk_mut::<32>() else {
        return;
    };
    let mut carry = 0_u16;
    for (byte, more) in scalar.iter_mut().zip(GROUP_ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}

#[cfg(test)]
mod tests {
    use nuncio::Identity;

    use super::super::specimen::Stage;
    use super::*;

    #[test]
    fn mutations_are_of_many_sorts_and_mostly_change_something() {
        let stage = Stage::new(&Identity::from_seed(&[1; 32])).unwrap();
        let specimens = stage.specimens(1);
        let mut random = Random::new(1);
        let mut same = 0;
        let mut lengths = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            let genuine = random.one_of(&specimens).unwrap().clone();
            let other = random.one_of(&specimens).unwrap().clone();
            let made = mutated(&genuine.bytes, &other.bytes, &mut random);
            same += usize::from(made == genuine.bytes || made == other.bytes);
            lengths.insert(made.len());
        }
        assert!(same < 400, "{same} of 2000 changed nothing");
        assert!(lengths.len() > 100, "{} lengths", lengths.len());
    }
}
