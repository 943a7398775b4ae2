//! A history as a timeline: what happened when, how long it took, and what came of it.

use comfy_table::Cell;
use jiff::Timestamp;

use super::look::Look;
use super::model::{Event, Json};
use super::text::{cut, plain};
use super::time::{shown, shown_duration};

/// How much of a value is shown, in characters.
const VALUE: usize = 120;

/// One line for each event; its time counts from the first one's. Tasks that are under way have taken until `now`.
/// Values are cut unless they are shown in `full`.
pub fn timeline(events: &[Event], now: Timestamp, full: bool, look: Look) -> String {
    let begin = events.iter().find_map(|event| event.timestamp);
    let mut table = look.table();
    table.set_header(["AT", "EVENT", "TOOK", "WHAT"]);
    for event in events {
        let at = begin.zip(event.timestamp).map(|(begin, at)| shown_duration(begin.duration_until(at)));
        let took = took(event, events, now);
        table.add_row([
            Cell::new(at.map(|at| format!("+{at}")).unwrap_or_default()),
            Cell::new(kind(event)),
            Cell::new(took.unwrap_or_default()),
            Cell::new(what(event, if full { usize::MAX } else { VALUE })),
        ]);
    }
    look.lines(table)
}

/// What the event is to people. Types that are not known have their own names.
fn kind(event: &Event) -> String {
    let known = match event.event_type.as_str() {
        "ExecutionStarted" => "started",
        "TaskScheduled" => "activity under way",
        "TaskCompleted" => "activity",
        "TaskFailed" => "activity failed",
        "SubOrchestrationInstanceCreated" => "sub-orchestration under way",
        "SubOrchestrationInstanceCompleted" => "sub-orchestration",
        "SubOrchestrationInstanceFailed" => "sub-orchestration failed",
        "TimerCreated" => "timer set",
        "TimerFired" => "timer fired",
        "EventRaised" => "event",
        "EventSent" => "event sent",
        "ExecutionSuspended" => "suspended",
        "ExecutionResumed" => "resumed",
        "ExecutionTerminated" => "terminated",
        "ExecutionRewound" => "rewound",
        "ContinueAsNew" => "continued as new",
        "ExecutionCompleted" => match &event.orchestration_status {
            Some(serde_json::Value::String(status)) => return plain(status).to_lowercase(),
            _ => "completed",
        },
        other => return plain(other).into_owned(),
    };
    known.to_owned()
}

/// How long what the event ends has taken, if it ends something, or what it began has taken so far.
fn took(event: &Event, events: &[Event], now: Timestamp) -> Option<String> {
    let at = event.timestamp?;
    match event.event_type.as_str() {
        "TaskScheduled" | "SubOrchestrationInstanceCreated" => {
            Some(format!("{} so far", shown_duration(at.duration_until(now))))
        }
        "TimerFired" => {
            let is_its_begin = |other: &&Event| {
                other.event_type == "TimerCreated"
                    && match event.timer_id {
                        Some(id) => other.event_id == Some(id),
                        // Azure's pairs can be told by their time only.
                        None => other.fire_at == event.fire_at,
                    }
            };
            let begin = events.iter().find(is_its_begin)?.timestamp?;
            Some(shown_duration(begin.duration_until(at)))
        }
        _ => Some(shown_duration(event.scheduled_time?.duration_until(at))),
    }
}

/// Who it was, and what came of it.
fn what(event: &Event, length: usize) -> String {
    let value = |json: &Option<Json>| json.as_ref().map(|json| cut(json.get(), length));
    let name = event.function_name.as_ref().or(event.name.as_ref()).map(|name| plain(name).into_owned());
    let child = event.instance_id.as_ref().map(|id| format!("[{}]", plain(id)));
    let retry = event.retry.filter(|retry| *retry > 0).map(|retry| format!("(retry {retry})"));
    let failure = event.failure_details.as_ref().map(|details| {
        let parts = [&details.error_type, &details.error_message];
        let parts: Vec<_> = parts.into_iter().flatten().map(|part| plain(part)).collect();
        cut(&parts.join(": "), length)
    });
    let reason = event.reason.as_ref().map(|json| match serde_json::from_str::<String>(json.get()) {
        Ok(text) => cut(&plain(&text), length),
        Err(_) => cut(json.get(), length),
    });
    let comes = |text: Option<String>| text.map(|text| format!("→ {text}"));
    let parts = match event.event_type.as_str() {
        "TimerCreated" => [event.fire_at.map(|at| format!("for {}", shown(at))), None, None, None],
        "TimerFired" => [event.fire_at.map(|at| format!("of {}", shown(at))), None, None, None],
        // The input of the instance is shown above.
        "ExecutionStarted" => [name, None, None, None],
        "ExecutionTerminated" => [value(&event.input), None, None, None],
        "ExecutionCompleted" => [comes(failure.or_else(|| value(&event.result))), None, None, None],
        "EventRaised" | "EventSent" => [name, child, value(&event.input), None],
        _ => [name, child, retry, comes(failure.or_else(|| value(&event.result))).or(reason)],
    };
    let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_of_longhauls_is_told() {
        let events: Vec<Event> = serde_json::from_str(
            r#"[
            {"EventType": "ExecutionStarted", "EventId": 1, "Timestamp": "2026-01-02T03:04:05.5Z", "FunctionName": "o", "Input": 7},
            {"EventType": "TimerCreated", "EventId": 2, "Timestamp": "2026-01-02T03:04:05.5Z", "FireAt": "2026-01-02T03:04:09Z"},
            {"EventType": "TimerCreated", "EventId": 3, "Timestamp": "2026-01-02T03:04:06.5Z", "FireAt": "2026-01-02T03:04:09Z"},
            {"EventType": "TaskCompleted", "EventId": 4, "Timestamp": "2026-01-02T03:04:06Z", "Result": "hi",
             "ScheduledTime": "2026-01-02T03:04:05.75Z", "FunctionName": "say", "Input": 1, "Retry": 2},
            {"EventType": "TaskFailed", "EventId": 5, "Timestamp": "2026-01-02T03:04:08Z", "Reason": "boom", "Details": null,
             "FailureDetails": {"ErrorType": "Broken", "ErrorMessage": "boom\u0007"},
             "ScheduledTime": "2026-01-02T03:04:06Z", "FunctionName": "say"},
            {"EventType": "TimerFired", "EventId": 6, "Timestamp": "2026-01-02T03:04:09.5Z", "FireAt": "2026-01-02T03:04:09Z", "TimerId": 3},
            {"EventType": "SubOrchestrationInstanceCreated", "Timestamp": "2026-01-02T03:04:10Z", "Name": "kid", "InstanceId": "kid-1"},
            {"EventType": "EventRaised", "Timestamp": "2026-01-02T03:05:10Z", "Name": "Go", "Input": [1]},
            {"EventType": "ExecutionSuspended", "Timestamp": "2026-01-02T03:05:11Z", "Reason": "lunch"},
            {"EventType": "ExecutionTerminated", "Timestamp": "2026-01-02T03:05:12Z", "Input": "enough"},
            {"EventType": "ExecutionCompleted", "Timestamp": "2026-01-02T03:05:12Z", "OrchestrationStatus": "Terminated",
             "Result": null, "FailureDetails": null},
            {"EventType": "Odd"}
            ]"#,
        )
        .unwrap();
        let now = "2026-01-02T03:04:13Z".parse().unwrap();
        assert_eq!(
            timeline(&events, now, false, Look::default()),
            "\
AT       EVENT                        TOOK          WHAT
+0 ms    started                                    o
+0 ms    timer set                                  for 2026-01-02 03:04:09Z
+1.0 s   timer set                                  for 2026-01-02 03:04:09Z
+500 ms  activity                     250 ms        say (retry 2) → \"hi\"
+2.5 s   activity failed              2.0 s         say → Broken: boom\\u{7}
+4.0 s   timer fired                  3.0 s         of 2026-01-02 03:04:09Z
+4.5 s   sub-orchestration under way  3.0 s so far  kid [kid-1]
+1m 04s  event                                      Go [1]
+1m 05s  suspended                                  lunch
+1m 06s  terminated                                 \"enough\"
+1m 06s  terminated
         Odd
"
        );
    }

    #[test]
    fn a_history_of_azures_is_told_as_far_as_it_goes_and_long_values_are_cut() {
        let long = "x".repeat(500);
        let events: Vec<Event> = serde_json::from_str(&format!(
            r#"[
            {{"EventType": "TimerCreated", "Timestamp": "2026-01-02T03:04:05Z", "FireAt": "2026-01-02T03:04:09Z"}},
            {{"EventType": "TimerFired", "Timestamp": "2026-01-02T03:04:10Z", "FireAt": "2026-01-02T03:04:09Z"}},
            {{"EventType": "TimerFired", "Timestamp": "2026-01-02T03:04:10Z", "FireAt": "2026-01-02T03:04:10Z"}},
            {{"EventType": "SubOrchestrationInstanceFailed", "Timestamp": "2026-01-02T03:04:11Z", "FunctionName": "kid", "Reason": "{long}"}},
            {{"EventType": "ContinueAsNew", "OrchestrationStatus": 1}}
            ]"#
        ))
        .unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let told = timeline(&events, now, false, Look::default());
        let lines: Vec<_> = told.lines().collect();
        assert!(lines[2].contains("timer fired") && lines[2].contains("5.0 s"), "{told}");
        assert!(!lines[3].contains("5.0 s of"), "{told}");
        assert!(lines[4].ends_with(&format!("kid {}…", "x".repeat(VALUE))), "{told}");
        assert!(lines[5].contains("continued as new"), "{told}");
        assert!(timeline(&events, now, true, Look::default()).contains(&long));
    }
}
