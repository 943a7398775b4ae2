//! Counters as the backends keep them.
//!
//! SQLite keeps eight bytes, little-endian; Redis keeps decimal text. A counter is read in either encoding and written
//! back in the one it was read in. Counters here stay below 2^56, so that the last of eight binary bytes is 0, which no
//! digit is.

use thiserror::Error;

/// How a counter was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Eight bytes, little-endian.
    Binary,
    /// Decimal text.
    Decimal,
}

/// A value that is no counter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a counter: {0:?}")]
pub struct NotACounter(Vec<u8>);

/// Reads a counter in either encoding.
///
/// # Errors
/// When the bytes are neither.
pub fn read(bytes: &[u8]) -> Result<(u64, Encoding), NotACounter> {
    if let Ok(binary) = <[u8; 8]>::try_from(bytes)
        && binary[7] == 0
    {
        return Ok((u64::from_le_bytes(binary), Encoding::Binary));
    }
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    match text.and_then(|text| text.parse().ok()) {
        Some(value) => Ok((value, Encoding::Decimal)),
        None => Err(NotACounter(bytes.to_vec())),
    }
}

/// Writes a counter.
pub fn write(value: u64, encoding: Encoding) -> Vec<u8> {
    debug_assert!(value < 1 << 56, "counters stay below 2^56");
    match encoding {
        Encoding::Binary => value.to_le_bytes().to_vec(),
        Encoding::Decimal => value.to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_are_read_back() {
        for value in [0, 1, 255, 256, 12_345_678, (3 << 32) | 7, (1 << 56) - 1] {
            for encoding in [Encoding::Binary, Encoding::Decimal] {
                assert_eq!(read(&write(value, encoding)), Ok((value, encoding)));
            }
        }
    }

    #[test]
    fn eight_digits_are_decimal() {
        assert_eq!(read(b"12345678"), Ok((12_345_678, Encoding::Decimal)));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [&b""[..], b"-1", b"1x", &[1, 2, 3], &[0xff; 8]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
