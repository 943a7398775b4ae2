//! Days at the beginning of keys: `2021-10-10`, `2021-10-10T07:13`, `2021-10-10-x`.

use jiff::ToSpan;
use jiff::civil::Date;

/// How many characters a day has.
const LENGTH: usize = 10;

/// The day that a key begins with.
pub(super) fn day_of(key: &str) -> Option<Date> {
    let text = key.get(..LENGTH)?;
    let shape = |(index, byte): (usize, u8)| match index {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    text.bytes().enumerate().all(shape).then(|| text.parse().ok()).flatten()
}

/// How many days it is from one day to another; negative if that is earlier.
pub(super) fn from_to(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

/// The day so many days after another.
pub(super) fn after(day: Date, days: i64) -> Option<Date> {
    day.checked_add(days.days()).ok()
}
