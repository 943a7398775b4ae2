//! The rules where engines of this family differ: what holds here.

use serde_json::{Value, json};

use crate::driver::run_program;

fn gives(program: Value, events: Value) -> Result<Value, String> {
    run_program(program, events).result
}

fn sleep(ms: u64, value: Value) -> Value {
    json!({"op": "activity", "name": "sleep", "input": {"ms": ms, "value": value}})
}

fn fail_after(ms: u64, message: &str) -> Value {
    json!({"op": "sequence", "steps": [{"op": "timer", "ms": ms}, {"op": "fail", "message": message}]})
}

#[test]
fn all_waits_for_every_branch_and_fails_with_the_failure_that_came_first() {
    let slow = json!({"op": "sequence", "steps": [{"op": "timer", "ms": 9000}, {"op": "activity", "name": "count", "input": {"key": "k"}}]});
    let branches = [fail_after(7000, "late"), slow, fail_after(3000, "early")];
    let outcome = run_program(json!({"op": "all", "branches": branches}), json!([]));
    assert_eq!(outcome.result, Err("early".into()));
    assert_eq!(outcome.calls.get("count"), Some(&1), "the slow branch went on to its end");
    let branches = [fail_after(3000, "first listed"), fail_after(3000, "second listed")];
    assert_eq!(gives(json!({"op": "all", "branches": branches}), json!([])), Err("first listed".into()));
    assert_eq!(gives(json!({"op": "all", "branches": []}), json!([])), Ok(json!([])));
}

#[test]
fn any_is_won_by_the_first_to_end_and_the_losers_take_nothing() {
    let any = |branches: &[Value]| json!({"op": "any", "branches": branches});
    let won = |index: usize, value: Value| Ok(json!({"index": index, "value": value}));
    assert_eq!(gives(any(&[]), json!([])), Err("any of nothing".into()));
    assert_eq!(gives(any(&[sleep(5000, json!(1)), sleep(1000, json!(2))]), json!([])), won(1, json!(2)));
    assert_eq!(gives(any(&[sleep(5000, json!(1)), fail_after(1000, "boom")]), json!([])), Err("boom".into()));
    let timers = [json!({"op": "timer", "ms": 500}), json!({"op": "timer", "ms": 500})];
    assert_eq!(gives(any(&timers), json!([])), won(0, Value::Null), "the first listed of both");
    // All begin, although the first one is there already.
    let program = any(&[json!({"op": "value", "value": 1}), sleep(10, json!(2))]);
    let outcome = run_program(program, json!([]));
    assert_eq!(outcome.result, won(0, json!(1)));
    assert!(outcome.history.iter().any(|event| event.event.name() == "TaskScheduled"));
    // The event that the loser waited for is there for whoever waits next.
    let program = json!({"op": "sequence", "steps": [
        any(&[json!({"op": "event", "name": "go"}), json!({"op": "timer", "ms": 1000})]),
        {"op": "event", "name": "GO"},
    ]});
    let events = json!([{"name": "Go", "data": 7, "atMs": 5000}]);
    assert_eq!(gives(program, events), Ok(json!([{"index": 1, "value": null}, 7])));
    // A cancelled timer does not hold the instance.
    let outcome =
        run_program(any(&[json!({"op": "timer", "ms": 86_400_000}), sleep(10, json!(1))]), json!([]));
    assert_eq!((outcome.result, outcome.elapsed.as_secs()), (won(1, json!(1)), 0));
}

#[test]
fn events_ignore_case_and_are_taken_first_in_first_out() {
    let wait = json!({"op": "event", "name": "E"});
    let events = json!([
        {"name": "e", "data": 1, "atMs": 10},
        {"name": "E", "data": 2, "atMs": 20},
        {"name": "e", "data": 3, "atMs": 900},
    ]);
    let program = json!({"op": "sequence", "steps": [{"op": "timer", "ms": 500}, wait, {"op": "all", "branches": [wait, wait]}]});
    let more = json!([events[0], events[1], events[2], {"name": "e", "data": 4, "atMs": 1000}]);
    assert_eq!(gives(program, more), Ok(json!([null, 1, [2, 3]])));
    let body = json!({"op": "sequence", "steps": [wait, {"op": "timer", "ms": 500}]});
    let rounds = json!({"op": "rounds", "count": 3, "body": body});
    assert_eq!(gives(rounds, events), Ok(json!([3, null])), "continue-as-new keeps what nobody took");
}

#[test]
fn the_custom_status_starts_empty_in_each_round_and_stays_after_a_failure() {
    let status = |value: Value| json!({"op": "status", "value": value});
    // Only the first round gets the event, and sets the status.
    let first = json!({"op": "sequence", "steps": [{"op": "event", "name": "once"}, status(json!("first"))]});
    let body = json!({"op": "any", "branches": [first, {"op": "timer", "ms": 3000}]});
    let events = json!([{"name": "once", "data": 1, "atMs": 100}]);
    let outcome = run_program(json!({"op": "rounds", "count": 1, "body": body}), events.clone());
    assert_eq!(
        (outcome.result, outcome.custom_status),
        (Ok(json!({"index": 0, "value": [1, null]})), json!("first"))
    );
    let outcome = run_program(json!({"op": "rounds", "count": 2, "body": body}), events);
    assert_eq!(
        (outcome.result, outcome.custom_status),
        (Ok(json!({"index": 1, "value": null})), Value::Null)
    );
    let failing =
        json!({"op": "sequence", "steps": [status(json!("half way")), {"op": "fail", "message": "boom"}]});
    let outcome = run_program(failing, json!([]));
    assert_eq!((outcome.result, outcome.custom_status), (Err("boom".into()), json!("half way")));
}

#[test]
fn a_retried_child_keeps_its_id_and_a_second_one_of_that_id_is_refused() {
    let flaky = json!({"op": "activity", "name": "flaky", "input": {"fails": 9}});
    let retry = json!({"firstMs": 1000, "maxAttempts": 3, "backoff": 2});
    let outcome = run_program(json!({"op": "child", "id": "c", "program": flaky, "retry": retry}), json!([]));
    assert_eq!(outcome.result, Err("flaky: attempt 1".into()), "each attempt is a new execution");
    assert_eq!(outcome.calls["flaky"], 3);
    assert!(outcome.elapsed.as_secs() >= 3, "1 s, then 2 s: {:?}", outcome.elapsed);
    let named = json!({"op": "child", "id": "c", "program": sleep(2000, json!(1))});
    let message = gives(json!({"op": "all", "branches": [named, named]}), json!([])).unwrap_err();
    assert!(message.contains("'c' exists and has not finished"), "{message}");
    let program = json!({"op": "sequence", "steps": [named, named]});
    assert_eq!(gives(program, json!([])), Ok(json!([1, 1])), "after its end the id may be used again");
}

#[test]
fn retries_count_the_first_attempt_and_pause_as_they_are_told() {
    let flaky = |fails: u32, attempts: u32| {
        let retry = json!({"firstMs": 1000, "maxAttempts": attempts, "backoff": 3, "maxMs": 5000});
        json!({"op": "activity", "name": "flaky", "input": {"fails": fails, "value": "ok"}, "retry": retry})
    };
    let outcome = run_program(flaky(3, 4), json!([]));
    assert_eq!(outcome.result, Ok(json!("ok")));
    assert_eq!(outcome.elapsed.as_secs(), 1 + 3 + 5);
    assert_eq!(gives(flaky(3, 3), json!([])), Err("flaky: attempt 3".into()));
}

#[test]
fn activities_that_trap_or_go_on_later_come_to_their_end() {
    let activity = |name: &str, input: Value| json!({"op": "activity", "name": name, "input": input});
    let outcome = run_program(activity("trap", json!("x")), json!([]));
    assert_eq!((outcome.result, outcome.calls["trap"]), (Ok(json!("x")), 2));
    let outcome = run_program(activity("steps", json!({"of": 3})), json!([]));
    assert_eq!((outcome.result, outcome.calls["steps"]), (Ok(json!(3)), 4));
}

#[test]
fn what_cannot_be_evaluated_says_why() {
    let rounds = json!({"op": "rounds", "count": 1, "body": {"op": "now"}});
    for (program, reason) in [
        (json!({"op": "sequence", "steps": [rounds]}), "only at the top"),
        (json!({"op": "activity", "name": "fly"}), "there is no activity function 'fly'"),
        (json!({"op": "child", "id": "a/b#c?d", "program": {"op": "now"}}), "no instance id"),
    ] {
        let message = gives(program.clone(), json!([])).unwrap_err();
        assert!(message.contains(reason), "{program}: {message}");
    }
}

#[test]
fn rounds_follow_each_other_without_a_pause() {
    let rounds = json!({"op": "rounds", "count": 20, "body": {"op": "activity", "name": "count", "input": {"key": "k"}}});
    let outcome = run_program(rounds, json!([]));
    assert_eq!(outcome.result, Ok(json!(20)));
    assert!(outcome.elapsed.as_millis() <= 50, "{:?}", outcome.elapsed);
}

#[test]
fn nothing_that_is_quick_waits_for_a_clock() {
    let echo = json!({"op": "activity", "name": "echo", "input": 1});
    let child = json!({"op": "child", "program": {"op": "sequence", "steps": [echo, echo]}});
    let many = json!({"op": "all", "branches": vec![echo.clone(); 200]});
    let children = json!({"op": "all", "branches": vec![child.clone(); 20]});
    let event = json!({"op": "event", "name": "go"});
    let after_event = json!({"op": "sequence", "steps": [echo, event, echo]});
    let after_child = json!({"op": "sequence", "steps": [child, event, echo]});
    for (program, at_ms, limit_ms) in
        [(many, 0, 20), (child, 0, 20), (children, 0, 20), (after_event, 700, 710), (after_child, 700, 710)]
    {
        let events = json!([{"name": "go", "data": 2, "atMs": at_ms}]);
        let elapsed = run_program(program.clone(), events).elapsed.as_millis();
        assert!(elapsed <= limit_ms, "{elapsed} ms: {program}");
    }
}

#[test]
fn entities_are_called_signalled_and_locked() {
    let call = |entity: &str, operation: &str, input: Value| json!({"op": "call", "entity": entity, "operation": operation, "input": input});
    let signal =
        |amount: i64| json!({"op": "signal", "entity": "account@a", "operation": "deposit", "input": amount});
    let withdraw = call("account@a", "withdraw", json!(8));
    let caught =
        json!({"op": "catch", "body": withdraw, "handler": call("account@a", "balance", Value::Null)});
    let lock = |body: &Value| json!({"op": "lock", "entities": ["account@b", "account@a"], "body": body});
    let child = json!({"op": "child", "program": {"op": "now"}});
    for (program, result) in [
        (
            json!({"op": "sequence", "steps": [signal(7), caught]}),
            Ok(json!([null, {"caught": "insufficient funds", "value": 7}])),
        ),
        (call("counter@a", "add", json!(3)), Ok(json!(3))),
        (json!({"op": "rounds", "count": 4, "body": call("counter@a", "add", json!(3))}), Ok(json!(12))),
        (lock(&call("account@b", "deposit", json!(3))), Ok(json!(3))),
        (lock(&call("counter@a", "get", json!(null))), Err("no part of the critical section")),
        (lock(&signal(1)), Err("is locked by this orchestrator")),
        (lock(&lock(&signal(1))), Err("in a critical section already")),
        (lock(&child), Err("cannot be called in a critical section")),
        (
            json!({"op": "sequence", "steps": [lock(&json!({"op": "value", "value": 1})), child.clone(), signal(1)]}),
            Ok(json!(null)),
        ),
        (call("account@", "rob", json!(1)), Err("has no operation 'rob'")),
        (call("account", "rob", json!(1)), Err("not the id of an entity")),
    ] {
        match (gives(program.clone(), json!([])), result) {
            (Ok(value), Ok(known)) => assert!(value == known || known.is_null(), "{program} gives {value}"),
            (Err(message), Err(known)) => assert!(message.contains(known), "{program} fails with {message}"),
            (given, _) => panic!("{program} gives {given:?}"),
        }
    }
}
