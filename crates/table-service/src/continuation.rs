//! Continuation tokens: where the next page begins. Clients must take them as opaque.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The header and the query parameter that carry the token for the partition.
pub(crate) const NEXT_PARTITION_KEY: &str = "NextPartitionKey";
/// The header and the query parameter that carry the token for the row.
pub(crate) const NEXT_ROW_KEY: &str = "NextRowKey";

/// The keys at or after which the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Continuation {
    pub partition_key: String,
    /// None at the beginning of a partition.
    pub row_key: Option<String>,
    /// Whether the page before was empty on purpose, so that this one is not.
    pub after_empty_page: bool,
}

const NEXT: &str = "1!";
const NEXT_AFTER_EMPTY: &str = "1e!";

impl Continuation {
    /// The tokens for the partition and, if there is one, for the row.
    pub fn tokens(&self) -> (String, Option<String>) {
        let prefix = if self.after_empty_page { NEXT_AFTER_EMPTY } else { NEXT };
        let encode = |key: &str| BASE64_STANDARD.encode(format!("{prefix}{key}"));
        (encode(&self.partition_key), self.row_key.as_deref().map(encode))
    }

    /// Reads what [`Self::tokens`] wrote; `None` if it is something else.
    pub fn read(partition: &str, row: Option<&str>) -> Option<Self> {
        let (partition_key, after_empty_page) = decode(partition)?;
        let row_key = match row {
            Some(token) => Some(decode(token)?.0),
            None => None,
        };
        Some(Self { partition_key, row_key, after_empty_page })
    }
}

fn decode(token: &str) -> Option<(String, bool)> {
    let text = String::from_utf8(BASE64_STANDARD.decode(token).ok()?).ok()?;
    let key = |prefix| text.strip_prefix(prefix).map(str::to_owned);
    key(NEXT).map(|key| (key, false)).or_else(|| key(NEXT_AFTER_EMPTY).map(|key| (key, true)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tokens_are_read_back(partition_key in ".*", row_key: Option<String>, after_empty_page: bool) {
            let continuation = Continuation { partition_key, row_key, after_empty_page };
            let (partition, row) = continuation.tokens();
            prop_assert_eq!(Continuation::read(&partition, row.as_deref()), Some(continuation));
        }

        #[test]
        fn no_text_makes_reading_tokens_panic(partition in ".*", row: Option<String>) {
            let _ = Continuation::read(&partition, row.as_deref());
        }
    }

    #[test]
    fn foreign_tokens_are_refused() {
        for (partition, row) in
            [("", None), ("?", None), ("YQ==", None), ("MSFh", Some("YQ==")), ("MSH/", None)]
        {
            assert_eq!(Continuation::read(partition, row), None, "{partition} {row:?}");
        }
    }
}
