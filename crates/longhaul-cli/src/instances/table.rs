//! Instances as a table.

use comfy_table::{Cell, ColumnConstraint, Row, Width};
use jiff::Timestamp;

use super::look::Look;
use super::model::Instance;
use super::text::{cut, plain};
use super::time::{shown, shown_duration};

/// How much of an input or a custom status is shown in a table, in characters.
const VALUE: usize = 60;
/// And how much at least, where there is little room.
const LEAST_VALUE: Width = Width::Fixed(10);

/// The instances, one a line, below a line of titles. The custom status has a column if any has one, the input with
/// `with_input`. Names and values are cut where there is no room for them; ids, which are copied, never.
pub fn table<'a>(
    instances: impl IntoIterator<Item = &'a Instance> + Clone,
    with_input: bool,
    now: Timestamp,
    look: Look,
) -> String {
    let with_custom = instances.clone().into_iter().any(|instance| instance.custom_status.is_some());
    let columns = [
        ("ID", true),
        ("NAME", true),
        ("STATUS", true),
        ("CREATED", true),
        ("TIME", true),
        ("CUSTOM STATUS", with_custom),
        ("INPUT", with_input),
    ];
    let mut table = look.table();
    let titles = columns.iter().filter(|(_, is_shown)| *is_shown).map(|(title, _)| *title);
    let mut header = Row::from(titles.clone().collect::<Vec<_>>());
    header.max_height(1);
    table.set_header(header);
    for instance in instances {
        let value = |value: &Option<super::model::Json>| {
            Cell::new(value.as_ref().map(|json| cut(json.get(), VALUE)).unwrap_or_default())
        };
        let cells = [
            Cell::new(plain(&instance.instance_id)),
            Cell::new(plain(instance.name.as_deref().unwrap_or_default())),
            look.status(&instance.runtime_status),
            Cell::new(instance.created_time.map(shown).unwrap_or_default()),
            Cell::new(elapsed(instance, now)),
            value(&instance.custom_status),
            value(&instance.input),
        ];
        let shown = columns.iter().zip(cells).filter(|((_, is_shown), _)| *is_shown);
        let mut row = Row::from(shown.map(|(_, cell)| cell).collect::<Vec<_>>());
        row.max_height(1);
        table.add_row(row);
    }
    if look.width.is_some() {
        for (column, title) in table.column_iter_mut().zip(titles) {
            column.set_constraint(match title {
                "NAME" | "CUSTOM STATUS" | "INPUT" => ColumnConstraint::LowerBoundary(LEAST_VALUE),
                _ => ColumnConstraint::ContentWidth,
            });
        }
    }
    look.lines(table)
}

/// How long it took, or how long it has been there. The API tells whole seconds.
pub fn elapsed(instance: &Instance, now: Timestamp) -> String {
    let is_ended = instance.runtime_status.end().is_some();
    let until = if is_ended { instance.last_updated_time } else { Some(now) };
    match (instance.created_time, until) {
        (Some(from), Some(until)) => {
            let took = from.duration_until(until).as_secs().max(0);
            match took {
                0 => "< 1 s".to_owned(),
                1..60 => format!("{took} s"),
                _ => shown_duration(jiff::SignedDuration::from_secs(took)),
            }
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instances() -> Vec<Instance> {
        serde_json::from_str(
            r#"[
            {"name": "hello", "instanceId": "short", "runtimeStatus": "Completed", "createdTime": "2026-01-02T03:04:05Z",
             "lastUpdatedTime": "2026-01-02T03:04:05Z", "input": {"a": 1}},
            {"name": "two\u001b[2J", "instanceId": "a-longer-id", "runtimeStatus": "Running",
             "createdTime": "2026-01-02T03:04:06Z", "lastUpdatedTime": "2026-01-02T03:04:07Z", "customStatus": "50 %"},
            {"name": null, "instanceId": "x", "runtimeStatus": "Odd"}
            ]"#,
        )
        .unwrap()
    }

    fn now() -> Timestamp {
        "2026-01-02T04:04:06Z".parse().unwrap()
    }

    #[test]
    fn instances_are_lines_below_titles() {
        let instances = instances();
        assert_eq!(
            table(&instances, false, now(), Look::default()),
            "\
ID           NAME          STATUS     CREATED               TIME    CUSTOM STATUS
short        hello         Completed  2026-01-02 03:04:05Z  < 1 s
a-longer-id  two\\u{1b}[2J  Running    2026-01-02 03:04:06Z  1h 00m  \"50 %\"
x                          Odd
"
        );
        let one = table(&instances[..1], true, now(), Look::default());
        assert!(one.starts_with("ID     NAME   STATUS     CREATED               TIME   INPUT\n"), "{one}");
        assert!(one.ends_with("< 1 s  {\"a\": 1}\n"), "{one}");
        assert_eq!(table(&[], false, now(), Look::default()), "ID  NAME  STATUS  CREATED  TIME\n");
    }

    #[test]
    fn a_table_is_no_wider_than_the_terminal_and_colours_mean_something() {
        let instances = instances();
        let mut instances = instances;
        instances[0].custom_status = serde_json::from_str(r#"{"a": "long custom status"}"#).ok();
        for width in [86, 90, 95] {
            let narrow = table(&instances, true, now(), Look { width: Some(width), colour: false });
            assert!(narrow.lines().all(|line| line.chars().count() <= width.into()), "{narrow}");
            assert_eq!(narrow.lines().count(), 4, "an instance is a line: {narrow}");
            assert!(narrow.contains("a-longer-id") && narrow.contains("..."), "{narrow}");
        }
        let coloured = table(&instances, true, now(), Look { width: None, colour: true });
        assert!(coloured.contains("\u{1b}[38;5;10mCompleted"), "{coloured:?}");
        assert!(!table(&instances, true, now(), Look::default()).contains('\u{1b}'));
    }
}
