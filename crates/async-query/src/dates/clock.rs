//! The time of day and the zone.

use jiff::civil::Time;
use jiff::tz::Offset;

use super::lexer::Cursor;

/// The zone abbreviations of RFC 5322, section 4.3, with their hours from UTC. All others are ambiguous.
const NORTH_AMERICAN: [(&str, i8); 8] =
    [("EST", -5), ("EDT", -4), ("CST", -6), ("CDT", -5), ("MST", -7), ("MDT", -6), ("PST", -8), ("PDT", -7)];

/// A time as written.
pub(super) struct Written {
    pub(super) time: Time,
    pub(super) offset: Option<Offset>,
}

/// The time that follows a date: `T14:30`, ` 14:30`, `, 2 pm`, ` at 2pm`, each with an optional zone.
///
/// Stays where it is, and gives `None`, if no time follows.
pub(super) fn time_after_date(text: &mut Cursor<'_>) -> Option<Written> {
    let mut ahead = *text;
    let written = if ahead.word(&["t"]) {
        iso_time(&mut ahead)
    } else {
        let comma = ahead.mark(",").is_some();
        let space = ahead.space();
        if !(comma || space) || (space && ahead.word(&["at"]) && !ahead.space()) {
            return None;
        }
        time(&mut ahead)
    }?;
    *text = ahead;
    Some(written)
}

/// The zone of a date without a time: ` UTC`, `Z`, `+02:00`. The colon is needed, since `-05` could be a part.
pub(super) fn zone_after_date(text: &mut Cursor<'_>) -> Option<Offset> {
    let mut ahead = *text;
    ahead.space();
    let offset = match ahead.mark("+-") {
        Some(sign) => {
            let hours = ahead.two_digits()?;
            ahead.mark(":")?;
            signed_offset(sign, hours, ahead.two_digits()?)
        }
        None => named_zone(&mut ahead),
    }?;
    *text = ahead;
    Some(offset)
}

/// `14:30`, `14:30:15.25 +0200`, `2:30 p.m. UTC`, `2pm`.
pub(super) fn time(text: &mut Cursor<'_>) -> Option<Written> {
    let time = clock_time(text)?;
    Some(Written { time, offset: zone(text) })
}

/// What follows a `T`: also `14`, `1430` and `143015`, and a zone whose `+` has become a space.
fn iso_time(text: &mut Cursor<'_>) -> Option<Written> {
    let mut basic = *text;
    let time = match basic_iso_time(&mut basic) {
        Some(time) => {
            *text = basic;
            time
        }
        None => clock_time(text)?,
    };
    let offset = zone(text).or_else(|| {
        let mut ahead = *text;
        ahead.space().then_some(())?;
        let offset = offset('+', &mut ahead)?;
        *text = ahead;
        Some(offset)
    });
    Some(Written { time, offset })
}

fn basic_iso_time(text: &mut Cursor<'_>) -> Option<Time> {
    let digits = text.digits()?;
    let pair = |at: usize| digits.get(at..at + 2).map_or(Some(0), |pair| pair.parse().ok());
    if !matches!(digits.len(), 2 | 4 | 6) || text.mark(":").is_some() {
        return None;
    }
    let nanoseconds = if digits.len() == 6 { fraction(text) } else { 0 };
    valid(pair(0)?, pair(2)?, pair(4)?, nanoseconds)
}

fn clock_time(text: &mut Cursor<'_>) -> Option<Time> {
    let hour = text.digits().filter(|digits| digits.len() <= 2)?.parse().ok()?;
    let (mut minute, mut second, mut nanoseconds) = (0, 0, 0);
    let has_minutes = text.mark(":").is_some();
    if has_minutes {
        minute = text.two_digits()?;
        if text.mark(":").is_some() {
            second = text.two_digits()?;
            nanoseconds = fraction(text);
        }
    }
    let hour = match half_of_day(text) {
        Some(half) => on_24_hour_clock(hour, half)?,
        None if has_minutes => hour,
        None => return None,
    };
    valid(hour, minute, second, nanoseconds)
}

/// The fraction of a second in nanoseconds, cut off after nine digits; 0 if none follows.
fn fraction(text: &mut Cursor<'_>) -> i32 {
    let mut ahead = *text;
    let Some(digits) = ahead.mark(".,").and_then(|_| ahead.digits()) else { return 0 };
    *text = ahead;
    digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Am,
    Pm,
}

/// `am`, `PM`, `a.m.`, with or without a space in front.
fn half_of_day(text: &mut Cursor<'_>) -> Option<Half> {
    let mut ahead = *text;
    ahead.space();
    let half = if ahead.word(&["am"]) {
        Half::Am
    } else if ahead.word(&["pm"]) {
        Half::Pm
    } else {
        let half = if ahead.word(&["a"]) { Half::Am } else { ahead.word(&["p"]).then_some(Half::Pm)? };
        ahead.mark(".")?;
        ahead.word(&["m"]).then_some(())?;
        ahead.mark(".");
        half
    };
    *text = ahead;
    Some(half)
}

fn on_24_hour_clock(hour: i8, half: Half) -> Option<i8> {
    (1..=12).contains(&hour).then_some(hour % 12 + if half == Half::Pm { 12 } else { 0 })
}

/// A zone behind a time. Stays where it is, and gives `None`, if there is none.
fn zone(text: &mut Cursor<'_>) -> Option<Offset> {
    let mut ahead = *text;
    ahead.space();
    let offset = match ahead.mark("+-") {
        Some(sign) => offset(sign, &mut ahead),
        None => named_zone(&mut ahead),
    }?;
    *text = ahead;
    Some(offset)
}

fn named_zone(text: &mut Cursor<'_>) -> Option<Offset> {
    if text.word(&["z"]) {
        return Some(Offset::UTC);
    }
    if text.word(&["utc", "gmt", "ut"]) {
        let mut ahead = *text;
        let Some(sign) = ahead.mark("+-") else { return Some(Offset::UTC) };
        let offset = offset(sign, &mut ahead)?;
        *text = ahead;
        return Some(offset);
    }
    text.map_word(|word| {
        let (_, hours) = NORTH_AMERICAN.iter().find(|(name, _)| name.eq_ignore_ascii_case(word))?;
        Some(Offset::constant(*hours))
    })
}

/// `2`, `02`, `02:00` or `0200` behind a sign.
fn offset(sign: char, text: &mut Cursor<'_>) -> Option<Offset> {
    let digits = text.digits()?;
    match digits.len() {
        1 => signed_offset(sign, digits.parse().ok()?, 0),
        2 => {
            let minutes = if text.mark(":").is_some() { text.two_digits()? } else { 0 };
            signed_offset(sign, digits.parse().ok()?, minutes)
        }
        4 => signed_offset(sign, digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => None,
    }
}

fn signed_offset(sign: char, hours: i8, minutes: i8) -> Option<Offset> {
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
    Offset::from_seconds(if sign == '-' { -seconds } else { seconds }).ok()
}

fn valid(hour: i8, minute: i8, second: i8, nanoseconds: i32) -> Option<Time> {
    Time::new(hour, minute, second, nanoseconds).ok()
}
