//! Digests in hexadecimal, as dbt writes them into names and artifacts. Knows nothing of what it
//! digests.

use md5::Md5;
use sha2::{Digest, Sha256};

/// The SHA-256 of bytes.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// The MD5 of bytes.
pub fn md5(bytes: impl AsRef<[u8]>) -> String {
    hex(&Md5::digest(bytes))
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut out = String::with_capacity(bytes.len() * 2);
    out.extend(digits.map(|digit| char::from(DIGITS[usize::from(digit)])));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        assert_eq!(md5("abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            sha256("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
