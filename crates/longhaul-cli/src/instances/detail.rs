//! One instance, with all that is known of it.

use comfy_table::Cell;
use jiff::Timestamp;

use super::look::Look;
use super::model::{Instance, Json};
use super::table::elapsed;
use super::text::{indented, plain};
use super::time::shown;
use super::timeline::timeline;

/// How much of long values is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Nothing,
    /// All but the first 40 lines.
    Long,
    /// All but the first 4 lines, so that there is room for what changes.
    Most,
}

impl Cut {
    /// The most lines of a value that are shown.
    fn lines(self) -> usize {
        match self {
            Self::Nothing => usize::MAX,
            Self::Long => 40,
            Self::Most => 4,
        }
    }
}

/// The widest value that stands on one line when the width of lines has no end.
const VALUE_WIDTH: usize = 100;
/// What stands to the left of values.
const TITLE_WIDTH: usize = 10;

/// The instance: a line for each thing, values on more lines if one is too short, and its history if it has one.
pub fn detail(instance: &Instance, now: Timestamp, cut: Cut, look: Look) -> String {
    let mut table = look.table();
    let mut line = |title: &str, cell: Option<Cell>| {
        if let Some(cell) = cell {
            table.add_row([Cell::new(format!("{title:w$}", w = TITLE_WIDTH - 2)), cell]);
        }
    };
    let text = |text: &Option<String>| text.as_ref().map(|text| Cell::new(plain(text)));
    let time = |time: Option<Timestamp>| time.map(|time| Cell::new(shown(time)));
    line("Instance", Some(Cell::new(plain(&instance.instance_id))));
    line("Function", text(&instance.name));
    line("Version", text(&instance.version));
    line("Parent", text(&instance.parent_instance_id));
    line("Status", Some(look.status(&instance.runtime_status)));
    line("Created", time(instance.created_time));
    line("Updated", time(instance.last_updated_time));
    line("Time", Some(elapsed(instance, now)).filter(|time| !time.is_empty()).map(Cell::new));
    let mut out = look.lines(table);
    let values =
        [("Custom", &instance.custom_status), ("Input", &instance.input), ("Output", &instance.output)];
    for (title, json) in values {
        if let Some(json) = json {
            value(&mut out, title, json, cut, look);
        }
    }
    if let Some(events) = &instance.history_events {
        out += "\n";
        out += &timeline(events, now, cut == Cut::Nothing, look);
    }
    out
}

fn value(out: &mut String, title: &str, json: &Json, cut: Cut, look: Look) {
    let text = json.get();
    let width = look.width.map_or(VALUE_WIDTH, usize::from).saturating_sub(TITLE_WIDTH);
    if text.chars().count() <= width && !text.contains('\n') {
        *out += &format!("{title:TITLE_WIDTH$}{text}\n");
        return;
    }
    *out += &format!("{title}\n");
    // Texts of several lines, such as messages of errors, are shown as they are.
    let text = match serde_json::from_str::<String>(text) {
        Ok(text) => text.lines().map(|line| plain(line).into_owned()).collect::<Vec<_>>().join("\n"),
        Err(_) => indented(text),
    };
    let lines: Vec<_> = text.lines().collect();
    let shown = cut.lines().min(lines.len());
    for line in &lines[..shown] {
        *out += &format!("  {line}\n");
    }
    if let Some(more @ 1..) = lines.len().checked_sub(shown) {
        *out += &format!("  … {more} more lines (--full)\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(more: &str) -> Instance {
        let text = format!(
            r#"{{"name": "hello", "instanceId": "abc", "runtimeStatus": "Completed", "createdTime": "2026-01-02T03:04:05Z",
            "lastUpdatedTime": "2026-01-02T03:06:07Z", {more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn told(instance: &Instance, cut: Cut) -> String {
        detail(instance, "2026-01-02T03:07:00Z".parse().unwrap(), cut, Look::default())
    }

    #[test]
    fn what_is_known_is_told_line_by_line() {
        let instance = instance(
            r#""input": "x", "output": {"b": 1, "a": 2}, "customStatus": null, "version": "2", "historyEvents":
            [{"EventType": "ExecutionStarted", "Timestamp": "2026-01-02T03:04:05Z", "FunctionName": "hello"}]"#,
        );
        assert_eq!(
            told(&instance, Cut::Long),
            "\
Instance  abc
Function  hello
Version   2
Status    Completed
Created   2026-01-02 03:04:05Z
Updated   2026-01-02 03:06:07Z
Time      2m 02s
Input     \"x\"
Output    {\"b\": 1, \"a\": 2}

AT     EVENT    TOOK  WHAT
+0 ms  started        hello
"
        );
    }

    #[test]
    fn long_values_have_lines_of_their_own_and_are_cut_unless_wanted_in_full() {
        let numbers: Vec<_> = (0..60).collect();
        let instance =
            instance(&format!(r#""output": {{"z":{numbers:?}}}, "customStatus": "{}\nb""#, "a".repeat(99)));
        let short = told(&instance, Cut::Long);
        assert!(short.contains("\nOutput\n  {\n    \"z\": [\n      0,\n      1,\n"), "{short}");
        assert!(short.ends_with("\n  … 24 more lines (--full)\n"), "{short}");
        assert!(short.contains(&format!("\nCustom\n  {}\n  b\n", "a".repeat(99))), "{short}");
        let full = told(&instance, Cut::Nothing);
        assert!(full.ends_with("      59\n    ]\n  }\n"), "{full}");
        assert!(told(&instance, Cut::Most).ends_with("      0,\n      1,\n  … 60 more lines (--full)\n"));
    }
}
