//! The parameters of a request, read as ASP.NET's helpers read them: what cannot be read counts as left out.

use std::time::Duration;

use http::Uri;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use longhaul::RuntimeStatus;
use url::form_urlencoded;

/// What stands after the `?`. Names are compared ignoring case, as in Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn of(uri: &Uri) -> Self {
        Self(form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// The values of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// `true` or `false`, in any case.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.text(name)?.trim() {
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// A number above 0.
    pub(crate) fn count(&self, name: &str) -> Option<usize> {
        self.text(name)?.trim().parse().ok().filter(|count| *count > 0)
    }

    /// A number of seconds, which may have a fraction.
    pub(crate) fn seconds(&self, name: &str) -> Option<Duration> {
        let seconds: f64 = self.text(name)?.trim().parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// A time; without a zone, in UTC.
    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        time(self.text(name)?.trim())
    }

    /// The states that are named or numbered, as Azure does. None: no parameter names any. Names that are unknown are
    /// dropped; some stand for states that no instance is in.
    pub(crate) fn statuses(&self, name: &str) -> Option<Vec<RuntimeStatus>> {
        let named = self.all(name).flat_map(|value| value.split(',')).map(str::trim);
        let known: Vec<_> = named.filter_map(status).collect();
        (!known.is_empty()).then(|| known.into_iter().flatten().collect())
    }
}

/// None: unknown. Some(None): a state of Azure's that there is not here.
fn status(text: &str) -> Option<Option<RuntimeStatus>> {
    use RuntimeStatus::{
        Canceled, Completed, ContinuedAsNew, Failed, Pending, Running, Suspended, Terminated,
    };
    let by_number = [Running, Completed, ContinuedAsNew, Failed, Canceled, Terminated, Pending, Suspended];
    if let Ok(number) = text.parse::<i32>() {
        return Some(usize::try_from(number).ok().and_then(|number| by_number.get(number).copied()));
    }
    match text {
        "Unknown" => Some(None),
        name => serde_json::from_value(name.into()).ok().map(Some),
    }
}

fn time(text: &str) -> Option<Timestamp> {
    // A plus sign that is not encoded is a blank in a query.
    let with_plus = text.rsplit_once(' ').map(|(start, end)| format!("{start}+{end}"));
    let utc = |at: DateTime| TimeZone::UTC.to_timestamp(at).ok();
    text.parse()
        .ok()
        .or_else(|| with_plus.and_then(|text| text.parse().ok()))
        .or_else(|| utc(text.parse::<DateTime>().ok()?))
        .or_else(|| utc(text.parse::<Date>().ok()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str) -> Parameters {
        Parameters::of(&format!("/?{query}").parse().unwrap())
    }

    #[test]
    fn flags_are_read_in_any_case_and_anything_else_is_none() {
        for (query, expected) in [
            ("f=true", Some(true)),
            ("f=True", Some(true)),
            ("F=FALSE", Some(false)),
            ("f=%20true", Some(true)),
            ("f=1", None),
            ("f=", None),
            ("g=true", None),
        ] {
            assert_eq!(parameters(query).flag("f"), expected, "{query}");
        }
    }

    #[test]
    fn numbers_and_times_are_read_or_none() {
        for (text, expected) in [("10", Some(10)), ("0", None), ("-1", None), ("many", None), ("1.5", None)] {
            assert_eq!(parameters(&format!("n={text}")).count("n"), expected, "{text}");
        }
        for (text, millis) in
            [("1.5", Some(1500)), ("0", Some(0)), ("-1", None), ("NaN", None), ("inf", None), ("x", None)]
        {
            let seconds = parameters(&format!("n={text}")).seconds("n");
            assert_eq!(seconds.map(|seconds| seconds.as_millis()), millis, "{text}");
        }
        let at = "2018-03-10T10:10:10Z".parse().unwrap();
        for (text, expected) in [
            ("2018-03-10T10:10:10Z", Some(at)),
            ("2018-03-10T10:10:10.000000Z", Some(at)),
            ("2018-03-10T12:10:10+02:00", Some(at)),
            ("2018-03-10T12:10:10%2B02:00", Some(at)),
            ("2018-03-10T10:10:10", Some(at)),
            ("2018-03-10", Some("2018-03-10T00:00:00Z".parse().unwrap())),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(parameters(&format!("t={text}")).time("t"), expected, "{text}");
        }
    }

    #[test]
    fn states_are_named_or_numbered_and_unknown_ones_are_dropped() {
        use RuntimeStatus::{Completed, Failed, Running, Suspended};
        for (query, expected) in [
            ("s=Running,Failed", Some(vec![Running, Failed])),
            ("s=Running&s=Failed", Some(vec![Running, Failed])),
            ("s=1,7", Some(vec![Completed, Suspended])),
            ("s=Running,Dancing", Some(vec![Running])),
            ("s=running", None),
            ("s=Unknown", Some(vec![])),
            ("s=42,-1", Some(vec![])),
            ("s=", None),
            ("", None),
        ] {
            assert_eq!(parameters(query).statuses("s"), expected, "{query}");
        }
    }
}
