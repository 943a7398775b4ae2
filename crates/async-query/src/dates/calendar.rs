//! The year, the month and the day.

use jiff::civil::Date;

use super::lexer::Cursor;

/// Full names and the abbreviations in use, January first.
const MONTHS: [&[&str]; 12] = [
    &["january", "jan"],
    &["february", "feb"],
    &["march", "mar"],
    &["april", "apr"],
    &["may"],
    &["june", "jun"],
    &["july", "jul"],
    &["august", "aug"],
    &["september", "sept", "sep"],
    &["october", "oct"],
    &["november", "nov"],
    &["december", "dec"],
];

const WEEKDAYS: &[&str] = &[
    "monday",
    "mon",
    "tuesday",
    "tues",
    "tue",
    "wednesday",
    "weds",
    "wed",
    "thursday",
    "thurs",
    "thur",
    "thu",
    "friday",
    "fri",
    "saturday",
    "sat",
    "sunday",
    "sun",
];

/// One of the three parts of a date, as far as it shows by itself which one it is.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// A month's name.
    Month(i8),
    /// A day with an ordinal suffix: `10th`.
    Ordinal(i8),
    /// Four digits, or two behind an apostrophe.
    Year(i16),
    /// One or two digits.
    Number { value: i8, digits: usize },
}

impl Part {
    /// The day this can be beside a month's name.
    fn day(self) -> Option<i8> {
        match self {
            Self::Ordinal(day) | Self::Number { value: day, .. } => Some(day),
            Self::Month(_) | Self::Year(_) => None,
        }
    }

    /// The year this can be at the end of a date.
    fn year(self, today: Date) -> Option<i16> {
        match self {
            Self::Year(year) => Some(year),
            Self::Number { value, digits: 2 } => Some(nearest_year(value, today)),
            _ => None,
        }
    }
}

/// Steps over a weekday in front of a date, with its dot and comma.
pub(super) fn weekday(text: &mut Cursor<'_>) {
    if text.word(WEEKDAYS) {
        text.mark(".");
        text.mark(",");
        text.space();
    }
}

pub(super) fn date(text: &mut Cursor<'_>, today: Date) -> Option<Date> {
    let mut basic = *text;
    if let Some(date) = basic.digits().and_then(basic_iso_date) {
        *text = basic;
        return Some(date);
    }
    use Part::{Month, Number, Year};
    let first = part(text, today)?;
    let between = separator(text)?;
    let second = part(text, today)?;
    let after = separator(text)?;
    let third = part(text, today)?;
    match (first, second, third) {
        (Year(year), Number { value: month, .. }, Number { value: day, .. }) => {
            (between.is_numeric() && after.is_numeric()).then(|| valid(year, month, day))?
        }
        (Number { value: a, .. }, Number { value: b, .. }, last) => {
            let year = last.year(today)?;
            let dates = valid(year, b, a).or_else(|| valid(year, a, b));
            (between.is_numeric() && after.is_numeric()).then_some(dates)?
        }
        (Year(year), Month(month), day) | (Year(year), day, Month(month)) => valid(year, month, day.day()?),
        (Month(month), day, year) | (day, Month(month), year) => valid(year.year(today)?, month, day.day()?),
        _ => None,
    }
}

/// `10 Aug` or `August 10th`, where the year comes later.
pub(super) fn month_and_day(text: &mut Cursor<'_>) -> Option<(i8, i8)> {
    // Neither part is a year here, so that the day of reference does not matter.
    let first = part(text, Date::constant(2000, 1, 1))?;
    separator(text)?;
    let second = part(text, Date::constant(2000, 1, 1))?;
    match (first, second) {
        (Part::Month(month), day) | (day, Part::Month(month)) => Some((month, day.day()?)),
        _ => None,
    }
}

/// The four-digit year that completes `month_and_day`.
pub(super) fn in_year((month, day): (i8, i8), text: &mut Cursor<'_>) -> Option<Date> {
    let digits = text.digits()?;
    (digits.len() == 4).then(|| valid(digits.parse().ok()?, month, day))?
}

fn part(text: &mut Cursor<'_>, today: Date) -> Option<Part> {
    if let Some(month) = text.map_word(month) {
        return Some(Part::Month(month));
    }
    if text.mark("'").is_some() {
        return text.two_digits().map(|year| Part::Year(nearest_year(year, today)));
    }
    let digits = text.digits()?;
    match digits.len() {
        1 | 2 if text.word(&["st", "nd", "rd", "th"]) => Some(Part::Ordinal(digits.parse().ok()?)),
        1 | 2 => Some(Part::Number { value: digits.parse().ok()?, digits: digits.len() }),
        4 => Some(Part::Year(digits.parse().ok()?)),
        _ => None,
    }
}

/// What stands between two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    /// `/`, `.`, `-` or space, good between numbers.
    Numeric,
    /// Nothing, a comma or `of`, good only where a month's name tells the parts apart.
    Named,
}

impl Separator {
    fn is_numeric(self) -> bool {
        self == Self::Numeric
    }
}

fn separator(text: &mut Cursor<'_>) -> Option<Separator> {
    let space = text.space();
    if text.mark("/.-").is_some() {
        text.space();
        return Some(Separator::Numeric);
    }
    if text.mark(",").is_some() {
        text.space();
        return Some(Separator::Named);
    }
    if space && text.word(&["of"]) {
        return text.space().then_some(Separator::Named);
    }
    Some(if space { Separator::Numeric } else { Separator::Named })
}

/// `20210810`.
fn basic_iso_date(digits: &str) -> Option<Date> {
    if digits.len() != 8 {
        return None;
    }
    valid(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?)
}

fn month(word: &str) -> Option<i8> {
    let index = MONTHS.iter().position(|names| names.iter().any(|name| name.eq_ignore_ascii_case(word)))?;
    i8::try_from(index + 1).ok()
}

fn valid(year: i16, month: i8, day: i8) -> Option<Date> {
    (1..=9999).contains(&year).then(|| Date::new(year, month, day).ok())?
}

/// The year that ends in `two_digits` and lies from 50 years before today's to 49 years after it.
fn nearest_year(two_digits: i8, today: Date) -> i16 {
    let earliest = today.year() - 50;
    earliest + (i16::from(two_digits) - earliest).rem_euclid(100)
}
