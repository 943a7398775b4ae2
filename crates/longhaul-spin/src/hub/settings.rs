//! Values of variables.

use std::time::Duration;

use jiff::SignedDuration;
use thiserror::Error;

/// A variable whose value is not one that it can have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the variable {name} is '{value}': write {expected}")]
pub struct MalformedVariable {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What it could be.
    pub expected: &'static str,
}

/// A duration such as `30s`; `off` is none.
pub(super) fn duration_or_off(name: &'static str, text: &str) -> Result<Option<Duration>, MalformedVariable> {
    if text == "off" {
        return Ok(None);
    }
    let duration = text.parse::<SignedDuration>().ok().and_then(|duration| Duration::try_from(duration).ok());
    let malformed =
        MalformedVariable { name, value: text.to_owned(), expected: "a duration such as 30s, or off" };
    duration.filter(|duration| !duration.is_zero()).map(Some).ok_or(malformed)
}

/// A number that is not zero.
pub(super) fn count<N: std::str::FromStr + PartialEq + Default>(
    name: &'static str,
    text: &str,
) -> Result<N, MalformedVariable> {
    let number = text.parse().ok().filter(|number| *number != N::default());
    number.ok_or(MalformedVariable { name, value: text.to_owned(), expected: "a whole number above 0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_anything_else_is_named() {
        let duration = |text| duration_or_off("activity_budget", text);
        assert_eq!(duration("off"), Ok(None));
        assert_eq!(duration("20s"), Ok(Some(Duration::from_secs(20))));
        assert_eq!(duration("1m 30s"), Ok(Some(Duration::from_secs(90))));
        for text in ["20", "-20s", "0s", "soon", "OFF"] {
            let error = duration(text).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("the variable activity_budget is '{text}': write a duration such as 30s, or off")
            );
        }
        let number = |text| count::<u64>("max_payload", text);
        assert_eq!(number("8388608"), Ok(8_388_608));
        for text in ["0", "-1", "8M", "8.5", " 8", "99999999999999999999"] {
            let error = number(text).unwrap_err().to_string();
            assert_eq!(error, format!("the variable max_payload is '{text}': write a whole number above 0"));
        }
    }
}
