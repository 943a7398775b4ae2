//! Continuation tokens: where a list ended, in a form that nobody else can make.
//!
//! The token holds a slot of the creation log. What was created before it is not listed again, and what is created or
//! purged meanwhile does not move it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::keys::Keys;

/// The header that carries it, both ways.
pub(crate) const HEADER: &str = "x-ms-continuation-token";

const PURPOSE: &str = "continuation tokens";

/// Makes the token of a slot. None: there is no key.
pub(crate) fn token(keys: &Keys, hub: &str, slot: u64) -> Option<String> {
    let signature = keys.sign(PURPOSE, &[hub, &slot.to_string()])?;
    let mut bytes = slot.to_be_bytes().to_vec();
    bytes.extend_from_slice(&signature);
    Some(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// The slot of a token of ours.
pub(crate) fn slot(keys: &Keys, hub: &str, token: &str) -> Option<u64> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.trim()).ok()?;
    let (slot, signature) = bytes.split_first_chunk()?;
    let slot = u64::from_be_bytes(*slot);
    keys.verify(PURPOSE, &[hub, &slot.to_string()], signature).then_some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_no_other_is_taken() {
        let keys = Keys::new(["k"]);
        let made = token(&keys, "hub", 1017).unwrap();
        assert_eq!(slot(&keys, "hub", &made), Some(1017));
        assert_eq!(slot(&Keys::new(["new", "k"]), "hub", &made), Some(1017));
        let altered = format!("B{}", &made[1..]);
        for (keys, hub, token) in [
            (&keys, "other", made.as_str()),
            (&Keys::new(["new"]), "hub", &made),
            (&keys, "hub", &altered),
            (&keys, "hub", "1017"),
            (&keys, "hub", ""),
        ] {
            assert_eq!(slot(keys, hub, token), None, "{hub} {token}");
        }
    }
}
