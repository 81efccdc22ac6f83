//! Unsigned variable-length integers, as multiformats and protobuf write them.

/// No integer on this wire is longer than ten bytes (64 bits, 7 a byte).
pub(super) const MAX_LEN: usize = 10;

/// What the bytes at hand say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Varint {
    /// A whole integer and the number of bytes that it took.
    Value(u64, usize),
    /// More bytes are needed.
    Short,
    /// No integer begins like this.
    Bad,
}

/// Reads the integer at the front of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Varint {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(MAX_LEN).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if i == MAX_LEN - 1 && bits > 1 {
            return Varint::Bad;
        }
        value |= bits << (7 * i);
        if byte & 0x80 == 0 {
            return Varint::Value(value, i + 1);
        }
    }
    if bytes.len() >= MAX_LEN { Varint::Bad } else { Varint::Short }
}

/// Appends `value`.
pub(super) fn write(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// How many bytes [`write()`] appends.
pub(super) const fn len(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn eleven_byte_integers_and_overflow_are_refused() {
        assert_eq!(read(&[0x80; 10]), Varint::Bad);
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]), Varint::Bad);
        assert_eq!(read(&[0x80; 9]), Varint::Short);
        assert_eq!(read(&[]), Varint::Short);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value: u64, tail: Vec<u8>) {
            let mut bytes = Vec::new();
            write(value, &mut bytes);
            prop_assert_eq!(bytes.len(), len(value));
            let written = bytes.len();
            bytes.extend(tail);
            prop_assert_eq!(read(&bytes), Varint::Value(value, written));
        }
    }
}
