//! What holds for every date and every text.

use async_query::dates::parse;
use jiff::civil::Date;
use proptest::prelude::*;

const TODAY: Date = Date::constant(2026, 6, 15);

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A way to write a date that has only one reading.
type Style = fn(Date) -> String;

const STYLES: &[Style] = &[
    |d| format!("{:02}/{:02}/{:04}", d.day(), d.month(), d.year()),
    |d| format!("{}.{}.{:04}", d.day(), d.month(), d.year()),
    |d| format!("{:02}-{:02}-{:04}", d.day(), d.month(), d.year()),
    |d| format!("{} {} {:04}", d.day(), d.month(), d.year()),
    |d| format!("{:04}-{:02}-{:02}", d.year(), d.month(), d.day()),
    |d| format!("{:04}/{}/{}", d.year(), d.month(), d.day()),
    |d| format!("{:04}{:02}{:02}", d.year(), d.month(), d.day()),
    |d| format!("{} {} {:04}", d.day(), name(d), d.year()),
    |d| format!("{} {}, {:04}", name(d), d.day(), d.year()),
    |d| format!("{}-{}-{:04}", d.day(), short(d), d.year()),
    |d| format!("{:02}{}{:04}", d.day(), short(d).to_uppercase(), d.year()),
    |d| format!("{}. {}th {:04}", short(d).to_lowercase(), d.day(), d.year()),
    |d| format!("{}th of {}, {:04}", d.day(), name(d), d.year()),
    |d| format!("{:04} {} {}", d.year(), short(d), d.day()),
    |d| format!("{:?}, {} {} {:04}", d.weekday(), d.day(), name(d), d.year()),
];

/// Years of two digits, for dates near today.
const SHORT_STYLES: &[Style] = &[
    |d| format!("{:02}/{:02}/{:02}", d.day(), d.month(), d.year() % 100),
    |d| format!("{}-{}-{:02}", d.day(), short(d), d.year() % 100),
    |d| format!("{} {}, {:02}", name(d), d.day(), d.year() % 100),
    |d| format!("{} {} '{:02}", d.day(), name(d), d.year() % 100),
];

/// What may follow a date. The first of each pair is the text, the second its time of day in seconds.
const TIMES: &[(&str, i64)] = &[
    ("", 0),
    (" 14:30", 52_200),
    ("T14:30:15", 52_215),
    ("T14:30:15Z", 52_215),
    (" 2:30 pm", 52_200),
    (", 2pm", 50_400),
    (" at 2:30 p.m. UTC", 52_200),
    (" 14:30:15.999 +02:00", 52_215),
    (" GMT", 0),
];

fn name(date: Date) -> &'static str {
    MONTHS[usize::try_from(date.month() - 1).expect("months begin at 1")]
}

fn short(date: Date) -> &'static str {
    &name(date)[..3]
}

fn dates(years: std::ops::RangeInclusive<i16>) -> impl Strategy<Value = Date> {
    (years, 1i8..=12, 1i8..=31).prop_filter_map("no such day", |(y, m, d)| Date::new(y, m, d).ok())
}

/// Texts that are nearly dates: a random walk over what dates are made of.
fn nearly_dates() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => (0u32..=9999).prop_map(|n| n.to_string()),
        4 => (0u32..=31).prop_map(|n| format!("{n:02}")),
        1 => (0u32..=99_999_999).prop_map(|n| format!("{n:08}")),
        8 => proptest::sample::select(vec!["/", ".", "-", " ", " ", ",", ":", "+", "'"]).prop_map(str::to_owned),
        3 => proptest::sample::select(MONTHS.to_vec()).prop_map(str::to_owned),
        2 => proptest::sample::select(vec!["T", "Z", "UTC", "am", "pm", "of", "at", "on", "th", "Tue", "sept"])
            .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// Whether `text` spells out the year, the month and the day of `date`, each in a place of its own.
fn spells_out(text: &str, date: Date) -> bool {
    let numbers: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    if numbers.contains(&date.strftime("%Y%m%d").to_string().as_str()) {
        return true;
    }
    let is = |run: &str, number: i16| run.len() <= 2 && run.parse() == Ok(number);
    let is_year = |run: &str| match run.len() {
        4 => run.parse() == Ok(date.year()),
        2 => run.parse() == Ok(date.year() % 100),
        _ => false,
    };
    let named = text.to_lowercase().contains(&short(date).to_lowercase());
    let place = |find: &dyn Fn(&str) -> bool| -> Vec<usize> {
        numbers.iter().enumerate().filter(|(_, run)| find(run)).map(|(at, _)| at).collect()
    };
    let years = place(&is_year);
    let days = place(&|run| is(run, date.day().into()));
    let months = if named { vec![usize::MAX] } else { place(&|run| is(run, date.month().into())) };
    years.iter().any(|y| days.iter().any(|d| months.iter().any(|m| y != d && y != m && d != m)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused_or_spells_out_the_date(text in ".*") {
        if let Ok(written) = parse(&text, TODAY) {
            prop_assert!(spells_out(&text, written.date()), "{text:?} was read as {written:?}");
        }
    }

    #[test]
    fn text_that_is_nearly_a_date_is_refused_or_spells_out_the_date(text in nearly_dates()) {
        if let Ok(written) = parse(&text, TODAY) {
            prop_assert!(spells_out(&text, written.date()), "{text:?} was read as {written:?}");
        }
    }

    #[test]
    fn a_date_written_in_any_style_is_read_as_that_date(
        date in dates(1..=9999),
        style in proptest::sample::select(STYLES),
        (time, seconds) in proptest::sample::select(TIMES),
    ) {
        let text = style(date) + time;
        let written = parse(&text, TODAY);
        prop_assert_eq!(written.map(|w| w.date()), Ok(date), "{}", text);
        let since_midnight = written.map(|w| w.date_time().duration_since(date.at(0, 0, 0, 0)).as_secs());
        prop_assert_eq!(since_midnight, Ok(seconds), "{}", text);
    }

    #[test]
    fn a_year_of_two_digits_near_today_is_read_as_that_year(
        date in dates(1976..=2075),
        style in proptest::sample::select(SHORT_STYLES),
    ) {
        let text = style(date);
        prop_assert_eq!(parse(&text, TODAY).map(|w| w.date()), Ok(date), "{}", text);
    }

    #[test]
    fn a_date_that_is_cut_short_is_refused_or_another_whole_date(
        date in dates(1..=9999),
        style in proptest::sample::select(STYLES),
        cut in 0usize..40,
    ) {
        let text: String = style(date).chars().take(cut).collect();
        if let Ok(written) = parse(&text, TODAY) {
            prop_assert!(spells_out(&text, written.date()), "{text:?} was read as {written:?}");
        }
    }
}
