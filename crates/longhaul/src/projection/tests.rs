use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::failure::Failure;
use crate::id::{InstanceId, InstanceKey};
use crate::record::tests::new_record;

/// The times of its turns, which are not whole ticks of .NET.
fn turn(second: i64) -> Timestamp {
    Timestamp::new(second, 345_237_289).unwrap()
}

fn at(time: Timestamp, events: Vec<EventKind>) -> Vec<Event> {
    let turn = std::iter::once(EventKind::OrchestratorStarted).chain(events);
    turn.map(|event| Event { at: time, event }).collect()
}

fn scheduled(id: u64, retry: u32) -> EventKind {
    let input = Json::parse(r#"{"b": 1, "a": 12345678901234567890123}"#).unwrap();
    EventKind::TaskScheduled { id: TaskId(id), name: "hello".into(), input: input.into(), retry }
}

fn created(id: u64, forgotten: bool) -> EventKind {
    let child = Child {
        name: "kid".into(),
        instance: InstanceId::new(format!("kid-{id}")).unwrap(),
        version: forgotten.then(|| "2".into()),
        detached: forgotten,
        forgotten,
        retry: 0,
    };
    EventKind::SubOrchestrationInstanceCreated { id: TaskId(id), child, input: Payload::default() }
}

fn asked(id: u64, request: EntityRequest, section: Option<u64>) -> EventKind {
    let entity = EntityId::new("counter", "a").unwrap();
    EventKind::EntityAsked {
        id: TaskId(id),
        entity,
        request,
        input: Json::parse("[1]").unwrap().into(),
        section: section.map(TaskId),
    }
}

fn failure() -> Failure {
    Failure { details: Json::parse(r#"["why"]"#).ok(), ..Failure::permanent("Broken", "boom") }
}

/// An instance of which everything has happened that can happen.
fn eventful() -> Details {
    let id = TaskId;
    let fire_at = Timestamp::new(9, 5).unwrap();
    let reason = || "because".to_owned();
    let history = [
        at(
            turn(1),
            vec![
                EventKind::ExecutionStarted { name: "o".into() },
                scheduled(0, 0),
                scheduled(1, 0),
                created(2, false),
                created(3, true),
                EventKind::TimerCreated { id: id(4), fire_at },
            ],
        ),
        at(
            turn(2),
            vec![
                EventKind::TaskFailed { id: id(1), failure: failure() },
                EventKind::TaskCompleted { id: id(0), output: Json::text_of("hi").into() },
                scheduled(5, 1),
                created(6, false),
                scheduled(7, 2),
            ],
        ),
        at(turn(3), vec![]),
        at(turn(4), vec![EventKind::ExecutionSuspended { reason: reason() }]),
        at(turn(5), vec![EventKind::ExecutionResumed { reason: reason() }]),
        at(
            turn(6),
            vec![
                EventKind::SubOrchestrationInstanceCompleted { id: id(2), output: Payload::default() },
                EventKind::SubOrchestrationInstanceFailed { id: id(6), failure: failure() },
                EventKind::EventRaised { name: "Go".into(), data: Json::parse("[1]").unwrap().into() },
            ],
        ),
        at(turn(9), vec![EventKind::TimerFired { id: id(4), fire_at }]),
        at(turn(10), vec![EventKind::ExecutionRewound { reason: reason() }]),
        at(turn(11), vec![EventKind::ExecutionTerminated { reason: reason() }]),
        at(turn(12), vec![EventKind::ExecutionCompleted]),
    ]
    .concat();
    let mut head = new_record("o", "7").head;
    head.status = RuntimeStatus::Completed;
    head.scheduled = Some(turn(1));
    head.version = Some("1".into());
    head.parent = Some(InstanceId::new("parent").unwrap());
    let (input, output) = (Json::parse("7").ok(), Json::parse(r#"{"z":1,"a":2}"#).ok());
    Details { key: InstanceKey::of_random(&head.id), head, input, output, history: Some(history) }
}

/// The lines of the shown events.
fn lines(details: &Details, options: Options) -> Vec<String> {
    let shown = project(details, options).unwrap();
    let events: Vec<Json> = shown.to().unwrap();
    events.iter().map(|event| event.text().to_owned()).collect()
}

#[test]
fn events_are_shown_as_azure_shows_them() {
    let options = Options { show_history_output: true, ..Options::default() };
    let failure = r#""Reason":"boom","Details":["why"],"FailureDetails":{"ErrorType":"Broken","ErrorMessage":"boom","StackTrace":null,"InnerFailure":null,"IsNonRetriable":true,"Properties":null}"#;
    let input = r#""Input":{"b": 1, "a": 12345678901234567890123}"#;
    let time = |second| format!(r#""1970-01-01T00:00:{second:02}.3452372Z""#);
    let event = |name, second, more: &str| {
        format!(
            r#"{{"EventType":"{name}","Timestamp":{}{}{more}}}"#,
            time(second),
            if more.is_empty() { "" } else { "," }
        )
    };
    let after = |second, name, input: &str| {
        format!(r#""ScheduledTime":{},"FunctionName":"{name}",{input}"#, time(second))
    };
    let expected = [
        event(
            "ExecutionStarted",
            1,
            &format!(
                r#""FunctionName":"o","Input":7,"Correlation":null,"ParentTraceContext":null,"ScheduledStartTime":{},"Generation":null,"GenerateNewTrace":false"#,
                time(1),
            ),
        ),
        event(
            "SubOrchestrationInstanceCreated",
            1,
            r#""Name":"kid","InstanceId":"kid-3","Input":null,"ClientSpanId":null,"Tags":null"#,
        ),
        event("TimerCreated", 1, r#""FireAt":"1970-01-01T00:00:09.0000000Z""#),
        event("TaskFailed", 2, &format!("{failure},{}", after(1, "hello", input))),
        event("TaskCompleted", 2, &format!(r#""Result":"hi",{}"#, after(1, "hello", input))),
        event(
            "TaskScheduled",
            2,
            &format!(r#""Name":"hello",{input},"ParentTraceContext":null,"Tags":null"#),
        ),
        event(
            "TaskScheduled",
            2,
            &format!(r#""Name":"hello",{input},"ParentTraceContext":null,"Tags":null"#),
        ),
        event("ExecutionSuspended", 4, r#""Reason":"because""#),
        event("ExecutionResumed", 5, r#""Reason":"because""#),
        event(
            "SubOrchestrationInstanceCompleted",
            6,
            &format!(r#""Result":null,{}"#, after(1, "kid", r#""Input":null"#)),
        ),
        event(
            "SubOrchestrationInstanceFailed",
            6,
            &format!("{failure},{}", after(2, "kid", r#""Input":null"#)),
        ),
        event("EventRaised", 6, r#""Name":"Go","Input":[1],"ParentTraceContext":null"#),
        event("TimerFired", 9, r#""FireAt":"1970-01-01T00:00:09.0000000Z""#),
        event(
            "ExecutionRewound",
            10,
            r#""Reason":"because","ParentExecutionId":null,"InstanceId":null,"ParentTraceContext":null"#,
        ),
        event("ExecutionTerminated", 11, r#""Input":"because""#),
        event(
            "ExecutionCompleted",
            12,
            r#""OrchestrationStatus":"Completed","Result":{"z":1,"a":2},"FailureDetails":null"#,
        ),
    ];
    let shown = lines(&eventful(), options);
    for (shown, expected) in shown.iter().zip(&expected) {
        assert_eq!(shown, expected);
    }
    assert_eq!(shown.len(), expected.len());
}

#[test]
fn inputs_results_and_ids_are_shown_when_they_are_asked_for() {
    let members = |options| {
        let shown: Vec<serde_json::Map<String, Value>> = project(&eventful(), options).unwrap().to().unwrap();
        let count = |name: &str| shown.iter().filter(|event| event.contains_key(name)).count();
        [count("Input"), count("Result"), count("EventId"), count("TaskId"), count("TaskScheduledId")]
    };
    let none = Options { show_history_output: false, show_input: false, show_event_ids: false };
    assert_eq!(members(none), [0, 0, 0, 0, 0]);
    assert_eq!(members(Options { show_input: true, ..none }), [10, 0, 0, 0, 0]);
    assert_eq!(members(Options { show_history_output: true, ..none }), [0, 3, 0, 0, 0]);
    assert_eq!(members(Options { show_event_ids: true, ..none }), [0, 0, 16, 9, 4]);
    let shown: Value = project(&eventful(), Options::all()).unwrap().to().unwrap();
    assert_eq!(shown[2]["EventId"], 6);
    assert_eq!(shown[12]["TimerId"], 6, "a timer's two events are told by it");
    assert_eq!((&shown[3]["TaskScheduledId"], &shown[4]["TaskScheduledId"]), (&json!(3), &json!(2)));
    assert_eq!((&shown[5]["Retry"], &shown[9]["InstanceId"]), (&json!(1), &json!("kid-2")));
    assert_eq!((&shown[1]["Forgotten"], &shown[1]["Version"]), (&json!(true), &json!("2")));
    assert_eq!((&shown[2]["TimestampNanoseconds"], &shown[2]["FireAtNanoseconds"]), (&json!(89), &json!(5)));
}

#[test]
fn what_is_shown_of_a_failure_is_its_message_and_of_a_pending_instance_nothing() {
    let mut details = eventful();
    details.head.status = RuntimeStatus::Failed;
    details.head.failure = Some(failure());
    let shown: Value = project(&details, Options::all()).unwrap().to().unwrap();
    assert_eq!(shown[15]["OrchestrationStatus"], "Failed");
    assert_eq!(
        (&shown[15]["Result"], &shown[15]["FailureDetails"]["ErrorType"]),
        (&json!("boom"), &json!("Broken"))
    );
    details.head.status = RuntimeStatus::Pending;
    assert_eq!(project(&details, Options::all()), None);
    assert_eq!(project(&Details { history: None, ..eventful() }, Options::all()), None);
}

#[test]
fn a_history_survives_but_for_the_times_of_empty_turns() {
    let mut details = eventful();
    let shown = project(&details, Options::all()).unwrap();
    let mut history = details.history.take().unwrap();
    let empty = history.iter().position(|event| event.at == turn(3)).unwrap();
    history[empty].at = turn(4);
    let read = history_from_projection(&shown).unwrap();
    for (read, event) in read.iter().zip(&history) {
        assert_eq!(read, event);
    }
    assert_eq!(read.len(), history.len());
    assert_eq!(history_from_projection(&Json::parse("[]").unwrap()), Ok(Vec::new()));
}

#[test]
fn what_is_asked_of_entities_is_shown_with_what_comes_of_it_and_survives() {
    let id = TaskId;
    let due = Timestamp::new(9, 5).unwrap();
    let call = || EntityRequest::Call { operation: "add".into() };
    let history = [
        at(
            turn(7),
            vec![
                asked(8, EntityRequest::Lock, Some(8)),
                asked(9, EntityRequest::Signal { operation: "ping".into(), due: Some(due) }, None),
            ],
        ),
        at(
            turn(8),
            vec![
                EventKind::EntityLockGranted { id: id(8) },
                asked(10, call(), Some(8)),
                asked(11, call(), Some(8)),
                EventKind::EntityOperationCompleted { id: id(10), output: Json::text_of("hi").into() },
                EventKind::EntityOperationFailed { id: id(11), failure: failure() },
                asked(12, EntityRequest::Unlock, Some(8)),
            ],
        ),
    ]
    .concat();
    let details = Details { history: Some(history.clone()), ..eventful() };
    let shown = lines(&details, Options { show_history_output: true, ..Options::default() });
    let event = |kind: &str, second: i64, rest: &str| {
        format!(
            r#"{{"EventType":"{kind}","Timestamp":"1970-01-01T00:00:0{second}.3452372Z",{rest}"EntityId":"@counter@a""#
        )
    };
    for (shown, expected) in shown.iter().zip([
        event("EntityLockRequested", 7, "") + r#","Input":[1]}"#,
        event("EntityOperationSignaled", 7, "")
            + r#","Operation":"ping","DueTime":"1970-01-01T00:00:09.0000000Z","Input":[1]}"#,
        event("EntityLockGranted", 8, "") + "}",
        event("EntityOperationCalled", 8, "") + r#","Operation":"add","Input":[1]}"#,
        event("EntityOperationCalled", 8, "") + r#","Operation":"add","Input":[1]}"#,
        event("EntityOperationCompleted", 8, r#""Result":"hi","#) + r#","Operation":"add"}"#,
    ]) {
        assert_eq!(*shown, expected);
    }
    assert_eq!(shown.len(), 8);
    assert_eq!(history_from_projection(&project(&details, Options::all()).unwrap()), Ok(history));
}

#[test]
fn a_history_that_is_no_use_for_a_replay_is_refused_and_what_to_ask_for_is_said() {
    let lacking =
        |options| history_from_projection(&project(&eventful(), options).unwrap()).unwrap_err().to_string();
    let all = Options::all();
    for (options, expected) in [
        (Options::default(), "without showEventIds=true: the event ExecutionStarted at [0] has no EventId"),
        (Options { show_event_ids: false, ..all }, "without showEventIds=true"),
        (
            Options { show_input: false, ..all },
            "without showInput=true: the event ExecutionStarted at [0] has no Input",
        ),
        (
            Options { show_history_output: false, ..all },
            "without showHistoryOutput=true: the event TaskCompleted at [4]",
        ),
    ] {
        let message = lacking(options);
        assert!(message.contains(expected), "{message}");
    }
    let at = "2021-10-10T08:49:37.1234567Z";
    let started = |id: u64| json!({"EventType": "ExecutionStarted", "EventId": id, "Timestamp": at, "FunctionName": "o", "Input": 1});
    let fired = json!({"EventType": "TimerFired", "EventId": 2, "Timestamp": at, "TaskId": 0});
    let other = json!({"EventType": "GenericEvent", "EventId": 2, "Timestamp": at});
    for (shown, expected) in [
        (json!({"historyEvents": []}), "not an array of events"),
        (json!([{"EventType": "ExecutionStarted"}]), "missing field `Timestamp`"),
        (json!([started(1), started(1)]), "two events with the EventId 1"),
        (json!([started(1), started(1_000_000_000)]), "after the EventId 1 comes 1000000000"),
        (
            json!([started(1), fired]),
            "the event TimerFired at [1] of the history is not one of Longhaul's: it has no FireAt",
        ),
        (json!([started(1), other]), "there are no events of type 'GenericEvent'"),
    ] {
        let message = history_from_projection(&shown.into()).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_status_document_has_azures_members_and_tells_of_the_whole_execution() {
    let mut details = eventful();
    details.head.custom_status = Json::parse("[1]").ok();
    let text = |document: &StatusDocument| serde_json::to_string(document).unwrap();
    let none = Options { show_history_output: false, show_input: false, show_event_ids: false };
    let shown = StatusDocument::of(&Details { history: None, ..details.clone() }, none);
    assert_eq!(
        text(&shown),
        r#"{"name":"o","instanceId":"a\"b","runtimeStatus":"Completed","input":null,"customStatus":[1],"output":{"z":1,"a":2},"createdTime":"2021-10-10T08:49:37Z","lastUpdatedTime":"2021-10-10T08:49:37Z"}"#
    );
    let message = shown.recorded().unwrap_err().to_string();
    assert!(
        message.contains(r#"without showHistory=true: the status of 'a"b' has no historyEvents"#),
        "{message}"
    );

    let document = text(&StatusDocument::of(&details, Options::all()));
    let recorded = serde_json::from_str::<StatusDocument>(&document).unwrap().recorded().unwrap();
    let head = &recorded.head;
    assert_eq!(
        (&head.id, &head.name, &head.execution),
        (&details.head.id, &details.head.name, &details.head.execution)
    );
    assert_eq!((&head.version, &head.parent), (&details.head.version, &details.head.parent));
    assert_eq!((Some(recorded.input), recorded.output), (details.input.clone(), details.output.clone()));
    assert_eq!(recorded.history.len(), details.history.as_ref().unwrap().len());

    details.head.status = RuntimeStatus::Pending;
    let pending = StatusDocument::of(&details, Options::all());
    assert_eq!(pending.history_events, None);
    assert_eq!(pending.recorded().unwrap().history, []);
    assert!(
        StatusDocument::of(&details, Options { show_event_ids: false, ..Options::all() }).recorded().is_err()
    );
}
