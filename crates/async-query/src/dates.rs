//! Dates as people write them, day first.
//!
//! ```text
//! text    = date [time [zone]] / date zone / time [zone] date / (month day / day month) time [zone] year
//! date    = [weekday] (day sep month sep year / month sep day sep year / year sep month sep day / yyyymmdd)
//! sep     = "/" / "." / "-" / " ", spaces around it; beside a month name also ",", "of" or nothing
//! time    = ("T" / " " / ", " / " at ") (hh:mm[:ss[.fraction]] [am/pm] / h am/pm); after "T" also hh, hhmm, hhmmss
//! zone    = "Z" / "UTC" / "GMT" / "UT" [+-offset] / +-hh[[:]mm] / North American abbreviations of RFC 5322
//! ```
//!
//! The rules behind it:
//!
//! - A year, a month and a day are all written, once each. A year has four digits (0001 to 9999) or two, which
//!   stand for the year nearest to today; a day and a month have one or two. Only a year of four digits (or one
//!   with an apostrophe) may come first.
//! - Numbers are day-month-year; month-day-year only where day-first is no date (`08/13/2021`). A year in front
//!   always means year-month-day, as ISO 8601 has it: `2021/08/10` is never 8 October.
//! - A weekday in front is read past and not compared: the day of the month is what counts.
//! - Without a zone a date is in UTC, and without a time it is midnight. A zone must say its offset: an
//!   abbreviation that means different offsets in different places (`IST`, `BST`) is refused rather than ignored.
//! - `24:00` and a second `60` are refused: both name an instant that belongs to another date than the one written.
//! - After a `T` time, ` 02:00` is `+02:00`: a `+` that was not escaped reaches us from a query string as a space.
//! - Text longer than [`MAX_LENGTH`] bytes is no date, so the work is bounded.

mod calendar;
mod clock;
mod lexer;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use lexer::Cursor;
pub use lexer::MAX_LENGTH;

/// A date, with the time and zone that were written beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenDate {
    civil: DateTime,
    offset: Option<Offset>,
}

impl WrittenDate {
    /// The date as written, whatever the zone.
    pub fn date(&self) -> Date {
        self.civil.date()
    }

    /// The date and time as written; midnight if no time was.
    pub fn date_time(&self) -> DateTime {
        self.civil
    }

    /// The offset from UTC that was written, if one was.
    pub fn offset(&self) -> Option<Offset> {
        self.offset
    }

    /// The time that passes from `earlier` to this, as instants: a date without a zone is in UTC.
    ///
    /// A duration rather than two timestamps, because `jiff::Timestamp` ends a day before the year 9999 does.
    pub fn since(&self, earlier: &WrittenDate) -> SignedDuration {
        self.civil.duration_since(earlier.civil) - self.ahead_of_utc() + earlier.ahead_of_utc()
    }

    fn ahead_of_utc(&self) -> SignedDuration {
        SignedDuration::from_secs(self.offset.unwrap_or(Offset::UTC).seconds().into())
    }
}

/// The text is not a date with a year, a month and a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date: write a day, a month and a year, such as 10/08/2021 or 2021-08-10")]
pub struct NotADate;

/// Reads `text` as a date, day first. `today` decides the century of a year of two digits.
///
/// ```
/// use jiff::civil::date;
///
/// let today = date(2026, 1, 1);
/// assert_eq!(async_query::dates::parse("10/08/2021", today).unwrap().date(), date(2021, 8, 10));
/// assert!(async_query::dates::parse("August 2021", today).is_err());
/// ```
pub fn parse(text: &str, today: Date) -> Result<WrittenDate, NotADate> {
    let tokens = lexer::tokens(text).ok_or(NotADate)?;
    let text = Cursor::new(&tokens);
    [date_first, time_first, time_before_year]
        .into_iter()
        .find_map(|shape| shape(text, today))
        .ok_or(NotADate)
}

/// `10/08/2021`, `Tue, 10 Aug 2021 14:30:00 +0200`, `2021-08-10T14:30Z`, `10 Aug 2021 UTC`.
fn date_first(mut text: Cursor<'_>, today: Date) -> Option<WrittenDate> {
    calendar::weekday(&mut text);
    let date = calendar::date(&mut text, today)?;
    let (time, offset) = match clock::time_after_date(&mut text) {
        Some(clock::Written { time, offset }) => (time, offset),
        None => (Time::midnight(), clock::zone_after_date(&mut text)),
    };
    finish(text, date, time, offset)
}

/// `14:30 10/08/2021`, `2pm UTC on Tuesday, 10 August 2021`.
fn time_first(mut text: Cursor<'_>, today: Date) -> Option<WrittenDate> {
    let clock::Written { time, offset } = clock::time(&mut text)?;
    let comma = text.mark(",").is_some();
    if !(text.space() || comma) {
        return None;
    }
    if text.word(&["on"]) && !text.space() {
        return None;
    }
    calendar::weekday(&mut text);
    let date = calendar::date(&mut text, today)?;
    finish(text, date, time, offset)
}

/// `Tue Aug 10 14:30:00 UTC 2021`, as C's `ctime` and Unix's `date` print it.
fn time_before_year(mut text: Cursor<'_>, _today: Date) -> Option<WrittenDate> {
    calendar::weekday(&mut text);
    let month_and_day = calendar::month_and_day(&mut text)?;
    text.space().then_some(())?;
    let clock::Written { time, offset } = clock::time(&mut text)?;
    text.space().then_some(())?;
    let date = calendar::in_year(month_and_day, &mut text)?;
    finish(text, date, time, offset)
}

fn finish(mut rest: Cursor<'_>, date: Date, time: Time, offset: Option<Offset>) -> Option<WrittenDate> {
    rest.mark(",.");
    rest.is_at_end().then_some(WrittenDate { civil: date.to_datetime(time), offset })
}
