//! Where to divide a range of partition keys, so that rows are likely on both sides.
//!
//! A range is divided at a *point* into the keys before it and those from it on. Both conditions are the service's to
//! decide, by the same order, so the parts cover the range exactly whatever that order is and whatever keys there are:
//! a point that is badly chosen makes an empty part, never a wrong one.

use std::ops::Bound;

use super::days;
use crate::partition_range::PartitionRange;

/// Whether a key, or a point, compares with any other text in the same way by UTF-16 units, as .NET does, and by code
/// points, as Rust does. The two differ only where a surrogate meets a character of U+E000 or above.
pub(crate) fn is_clear(key: &str) -> bool {
    key.chars().all(|char| char <= '\u{d7ff}')
}

/// The range in at most so many parts, in order.
pub(crate) fn into_parts(range: &PartitionRange, parts: usize) -> Vec<PartitionRange> {
    let low = match &range.from {
        Bound::Included(low) | Bound::Excluded(low) => low,
        Bound::Unbounded => "",
    };
    at(range, &points(low, &range.to, parts))
}

/// The range, divided at points that lie in it, in order.
pub(crate) fn at(range: &PartitionRange, points: &[String]) -> Vec<PartitionRange> {
    let mut from = range.from.clone();
    let mut parts = Vec::with_capacity(points.len() + 1);
    for point in points {
        parts.push(PartitionRange { from, to: Bound::Excluded(point.clone()) });
        from = Bound::Included(point.clone());
    }
    parts.push(PartitionRange { from, to: range.to.clone() });
    parts
}

/// Points by which what comes after the key `low` is divided into at most so many parts. Each lies after `low`, after
/// the one before it, and not beyond `high`.
pub(crate) fn points(low: &str, high: &Bound<String>, parts: usize) -> Vec<String> {
    let mut points = by_days(low, high, parts);
    if points.is_empty() {
        halve(low, high, parts, &mut points);
    }
    points
}

/// How far it is from one key to another, in a unit of no meaning; about, and 0 if it cannot be told.
pub(crate) fn distance(low: &str, high: &Bound<String>) -> f64 {
    let (Bound::Included(high) | Bound::Excluded(high)) = high else { return 1.0 };
    if let (Some(first), Some(last)) = (days::day_of(low), days::day_of(high)) {
        let rest = |key: &str| fraction(&key[10..]);
        return (days::from_to(first, last) as f64 + rest(high) - rest(low)).max(0.0);
    }
    let shared = shared(low, high);
    (fraction(&high[shared..]) - fraction(&low[shared..])).max(0.0)
}

/// A text as a number from 0 to 1, in the order of texts of ASCII.
fn fraction(text: &str) -> f64 {
    let digits = text.bytes().take(6).zip(1..);
    digits.map(|(byte, place)| f64::from(byte) / 256_f64.powi(place)).sum()
}

fn by_days(low: &str, high: &Bound<String>, parts: usize) -> Vec<String> {
    let (Bound::Included(end) | Bound::Excluded(end)) = high else { return Vec::new() };
    let (Some(first), Some(last)) = (days::day_of(low), days::day_of(end)) else { return Vec::new() };
    let span = days::from_to(first, last);
    // The points are beginnings of days, from the day after the first one to the last; which is one only if there can
    // be keys from there on.
    let last_begins = match high {
        Bound::Included(_) => true,
        _ => end.len() > 10,
    };
    let begins = if last_begins { span } else { span - 1 };
    if begins < 1 {
        return Vec::new();
    }
    let parts = i64::try_from(parts).unwrap_or(i64::MAX).min(begins + 1);
    let point = |part: i64| {
        // Evenly: after this many of the days.
        let days = i128::from(begins + 1) * i128::from(part) / i128::from(parts);
        days::after(first, i64::try_from(days).ok()?).map(|day| day.to_string())
    };
    (1..parts).filter_map(point).collect()
}

/// Halves the range again and again.
fn halve(low: &str, high: &Bound<String>, parts: usize, points: &mut Vec<String>) {
    if parts < 2 {
        return;
    }
    let Some(middle) = between(low, high) else { return };
    halve(low, &Bound::Excluded(middle.clone()), parts / 2, points);
    points.push(middle.clone());
    halve(&middle, high, parts - parts / 2, points);
}

/// A point after `low` and not beyond `high`, about in the middle for keys of the kind of `low`.
fn between(low: &str, high: &Bound<String>) -> Option<String> {
    let end = match high {
        Bound::Included(end) | Bound::Excluded(end) if low >= end.as_str() => return None,
        Bound::Included(end) | Bound::Excluded(end) => Some(end.as_str()),
        Bound::Unbounded => None,
    };
    let shared = end.map_or(0, |end| shared(low, end));
    let mut low_chars = low[shared..].chars();
    let low_char = low_chars.next();
    let high_char = end.and_then(|end| end[shared..].chars().next());
    let prefix = &low[..shared];
    let point = match middle(low_char, high_char) {
        Some(middle) => Some(format!("{prefix}{middle}")),
        // Neighbours: after the greater part of what begins like `low`.
        None => low_char.and_then(|char| Some(format!("{prefix}{char}{}", above(low_chars.as_str())?))),
    };
    // Or else before what begins like `high`, if that does not end there.
    let before_high = || {
        let cut = shared + high_char?.len_utf8();
        let is_within = end.is_some_and(|end| end.len() > cut) || matches!(high, Bound::Included(_));
        is_within.then(|| end.map(|end| end[..cut].to_owned())).flatten()
    };
    let point = point.or_else(before_high)?;
    let is_within = match high {
        Bound::Included(end) => point <= *end,
        Bound::Excluded(end) => point < *end,
        Bound::Unbounded => true,
    };
    (is_within && point.as_str() > low && is_clear(&point)).then_some(point)
}

/// A text after all that continue like `rest`, up to about half way to the last text of its kind: the first character
/// that has one of its kind above it, half way up. The `T` before a time (ISO 8601) stays.
fn above(rest: &str) -> Option<String> {
    let (index, char, top) = rest.char_indices().find_map(|(index, char)| {
        let before_time = char == 'T' && rest[index + 1..].starts_with(|next: char| next.is_ascii_digit());
        let top = top_of(char).filter(|top| *top != char && !before_time)?;
        Some((index, char, top))
    })?;
    let half = u32::from(char) + (u32::from(top) - u32::from(char)).div_ceil(2);
    Some(format!("{}{}", &rest[..index], char::from_u32(half)?))
}

/// The last character of a kind of which keys have several in the same place.
fn top_of(char: char) -> Option<char> {
    match char {
        '0'..='9' => Some('9'),
        'A'..='Z' => Some('Z'),
        'a'..='z' => Some('z'),
        _ => None,
    }
}

/// A character that keys may have strictly between two others; none below the first is the end of the text, and none
/// above the last is no limit.
fn middle(low: Option<char>, high: Option<char>) -> Option<char> {
    // Of what keys consist mostly; only if that leaves no room, everything that is clear.
    let usual = |low: u32, high: u32| {
        let of = |first: char, last: char| (low.max(u32::from(first) - 1), high.min(u32::from(last) + 1));
        [of('0', '9'), of('A', 'Z'), of('a', 'z'), of('!', '~'), of('\u{a1}', '\u{d7ff}')]
            .into_iter()
            .filter(|(low, high)| *high > low + 1)
            .map(|(low, high)| low + (high - low) / 2)
            .find_map(|middle| char::from_u32(middle).filter(|char| is_allowed(*char)))
    };
    let low = low.map_or(0x1f, u32::from);
    let high = high.map_or(0xd800, u32::from);
    // Half way, if that is a usual character: then both sides have some.
    let half = (high > low + 1).then(|| low + (high - low) / 2);
    let ascii = high <= 0x7f;
    half.filter(|_| ascii)
        .and_then(char::from_u32)
        .filter(|char| char.is_ascii_alphanumeric())
        .or_else(|| usual(low, high))
}

/// Whether a key may contain it.
/// <https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model#characters-disallowed-in-key-fields>
fn is_allowed(char: char) -> bool {
    !matches!(char, '/' | '\\' | '#' | '?' | '\0'..='\x1f' | '\x7f'..='\u{9f}')
}

/// How many bytes two texts share at their beginnings, whole characters.
fn shared(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn included(key: &str) -> Bound<String> {
        Bound::Included(key.to_owned())
    }

    fn excluded(key: &str) -> Bound<String> {
        Bound::Excluded(key.to_owned())
    }

    #[test]
    fn days_are_divided_evenly() {
        for (low, high, parts, expected) in [
            ("2021-10-10", included("2021-10-10"), 4, &[][..]),
            ("2021-10-10", included("2021-10-11"), 4, &["2021-10-11"]),
            ("2021-10-10", excluded("2021-10-12"), 4, &["2021-10-11"]),
            ("2021-12-30", included("2022-01-02"), 2, &["2022-01-01"]),
            ("2021-12-30", included("2022-01-02"), 4, &["2021-12-31", "2022-01-01", "2022-01-02"]),
            ("2021-10-10T07", excluded("2021-10-14"), 2, &["2021-10-12"]),
            ("2012-01-01", included("2021-12-31"), 3, &["2015-05-02", "2018-09-01"]),
        ] {
            assert_eq!(points(low, &high, parts), expected, "{low} to {high:?}");
        }
    }

    #[test]
    fn other_keys_are_divided_by_their_characters() {
        for (low, high, expected) in [
            ("", Bound::Unbounded, "4"),
            ("a", included("z"), "m"),
            ("0007", included("0010"), "0008"),
            ("0999", included("1000"), "1"),
            ("2021-10-10T07", excluded("2021-10-11"), "2021-10-10T5"),
            ("a", excluded("ab"), "a4"),
        ] {
            assert_eq!(between(low, &high).as_deref(), Some(expected), "{low} to {high:?}");
        }
        for (low, high) in
            [("a", included("a")), ("b", included("a")), ("", included("")), ("a", excluded("a!"))]
        {
            assert_eq!(between(low, &high), None, "{low} to {high:?}");
        }
    }

    #[test]
    fn distances_are_in_proportion() {
        let distance = |low, high| super::distance(low, &included(high));
        assert_eq!(distance("2021-10-10", "2021-11-10"), 31.0);
        assert_eq!(distance("k", "k"), 0.0);
        assert!(distance("a1", "a5") > 3.0 * distance("a1", "a2"));
        assert!(distance("2021-10-10T07", "2021-10-11") < 1.0);
    }

    fn key() -> impl Strategy<Value = String> {
        prop_oneof![
            "20(20|21)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9])(T[0-2][0-9])?",
            "[a-c0-2]{0,4}",
            "[ab\u{7f}\u{e9}\u{ffff}\u{1F600}']{0,3}",
            ".{0,3}",
        ]
    }

    fn bound() -> impl Strategy<Value = Bound<String>> {
        prop_oneof![key().prop_map(Bound::Included), key().prop_map(Bound::Excluded), Just(Bound::Unbounded)]
    }

    /// In the order of .NET and JavaScript.
    fn utf16(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn contains<K: Ord>(range: &PartitionRange, key: &str, by: impl Fn(&str) -> K) -> bool {
        let (key, after, before) = (by(key), &range.from, &range.to);
        let is_after = match after {
            Bound::Included(from) => key >= by(from),
            Bound::Excluded(from) => key > by(from),
            Bound::Unbounded => true,
        };
        let is_before = match before {
            Bound::Included(to) => key <= by(to),
            Bound::Excluded(to) => key < by(to),
            Bound::Unbounded => true,
        };
        is_after && is_before
    }

    proptest! {
        #[test]
        fn each_key_of_a_range_is_in_one_part_of_it_and_no_other_is_in_any(
            from in bound(), to in bound(), parts in 0..40_usize, keys in proptest::collection::vec(key(), 1..20),
        ) {
            let range = PartitionRange { from, to };
            let parts = into_parts(&range, parts);
            for key in keys {
                for by_units in [false, true] {
                    let within = |range| match by_units {
                        true => contains(range, &key, utf16),
                        false => contains(range, &key, |text| text.to_owned().into_bytes()),
                    };
                    let found = parts.iter().filter(|part| within(part)).count();
                    prop_assert_eq!(found, usize::from(within(&range)), "{} in {:?}", key, parts);
                }
            }
        }

        #[test]
        fn points_are_in_order_and_within_the_range(low in key(), high in bound(), parts in 0..40_usize) {
            let points = points(&low, &high, parts);
            prop_assert!(points.len() < parts.max(1));
            prop_assert!(std::iter::once(&low).chain(&points).is_sorted_by(|a, b| a < b), "{:?}", points);
            let range = PartitionRange { from: Bound::Excluded(low), to: high };
            for point in &points {
                prop_assert!(is_clear(point) && contains(&range, point, str::to_owned), "{}", point);
            }
        }

        #[test]
        fn a_clear_point_orders_any_key_the_same_in_both_ways(key in key(), point in key()) {
            if is_clear(&point) {
                prop_assert_eq!(key.cmp(&point), utf16(&key).cmp(&utf16(&point)));
            }
        }

        #[test]
        fn two_different_days_can_be_divided(a in 0..4000_i64, days in 1..4000_i64, parts in 2..40_usize) {
            let first: jiff::civil::Date = "2015-01-01".parse().expect("a day");
            let (low, high) = (days::after(first, a), days::after(first, a + days));
            let (low, high) = (low.expect("a day").to_string(), high.expect("a day").to_string());
            let points = points(&low, &Bound::Included(high), parts);
            prop_assert_eq!(points.len() + 1, parts.min(days as usize + 1));
        }
    }
}
