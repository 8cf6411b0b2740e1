//! Reads the parts of a payload, as strictly as the postcard crate does.

/// The unread rest of a payload. A part that cannot be read is not consumed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Why a part cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unreadable {
    /// The payload ends before the part does.
    End,
    /// A number of variable length has more bits than its type.
    Oversized,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What was not read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let taken = self.rest().get(..len).ok_or(Unreadable::End)?;
        self.at += len;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let taken = *self.rest().first_chunk::<N>().ok_or(Unreadable::End)?;
        self.at += N;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Unreadable> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A number of variable length, of an unsigned type of `bits` bits: seven in each byte, the lowest first.
    pub(super) fn varint(&mut self, bits: u32) -> Result<u64, Unreadable> {
        let mut value = 0_u64;
        let mut shift = 0;
        for (index, byte) in self.rest().iter().enumerate() {
            let part = u64::from(byte & 0x7F);
            let room = bits - shift;
            if room < 7 && part >> room != 0 {
                return Err(Unreadable::Oversized);
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                self.at += index + 1;
                return Ok(value);
            }
            shift += 7;
            if shift >= bits {
                return Err(Unreadable::Oversized);
            }
        }
        Err(Unreadable::End)
    }

    /// A signed number, whose sign is in the lowest bit of a number of variable length.
    pub(super) fn zigzag(&mut self, bits: u32) -> Result<i64, Unreadable> {
        let value = self.varint(bits)?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

/// Appends a number of variable length.
pub(super) fn push_varint(mut value: u64, payload: &mut Vec<u8>) {
    while value >= 0x80 {
        payload.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    payload.push(value as u8);
}

/// Appends a signed number.
pub(super) fn push_zigzag(value: i64, payload: &mut Vec<u8>) {
    push_varint(((value << 1) ^ (value >> 63)).cast_unsigned(), payload);
}
