//! What is allowed, and what is refused, as tables.

use serde_json::{Value, json};

use super::allows;
use crate::program::Program;

const DAY: u64 = 24 * 60 * 60 * 1000;

fn verdict(program: &Value, raised: &[(&str, Value)], outcome: Result<Value, &str>) -> Result<(), String> {
    let program: Program = serde_json::from_value(program.clone()).expect("the test writes programs");
    let raised: Vec<_> = raised.iter().map(|(name, data)| ((*name).to_owned(), data.clone())).collect();
    allows(&program, &raised, &outcome.map_err(str::to_owned))
}

type Outcomes<'a> = Vec<Result<Value, &'a str>>;
/// A program, outcomes that are allowed, outcomes that are refused.
type Row<'a> = (Value, Outcomes<'a>, Outcomes<'a>);

/// Checks that of the outcomes of each program the first ones are allowed, the others refused.
fn check(table: &[Row<'_>]) {
    check_with(&[], table);
}

fn check_with(raised: &[(&str, Value)], table: &[Row<'_>]) {
    for (program, allowed, refused) in table {
        for outcome in allowed {
            assert_eq!(verdict(program, raised, outcome.clone()), Ok(()), "{program} gives {outcome:?}");
        }
        for outcome in refused {
            assert!(
                verdict(program, raised, outcome.clone()).is_err(),
                "{program} does not give {outcome:?}"
            );
        }
    }
}

fn activity(name: &str, input: Value) -> Value {
    json!({"op": "activity", "name": name, "input": input})
}

fn retried(name: &str, input: Value, attempts: u32) -> Value {
    json!({"op": "activity", "name": name, "input": input, "retry": {"firstMs": 10, "maxAttempts": attempts}})
}

fn value(value: Value) -> Value {
    json!({"op": "value", "value": value})
}

fn timer(ms: u64) -> Value {
    json!({"op": "timer", "ms": ms})
}

fn fail(message: &str) -> Value {
    json!({"op": "fail", "message": message})
}

fn sequence(steps: &[Value]) -> Value {
    json!({"op": "sequence", "steps": steps})
}

fn all(branches: &[Value]) -> Value {
    json!({"op": "all", "branches": branches})
}

fn any(branches: &[Value]) -> Value {
    json!({"op": "any", "branches": branches})
}

fn event(name: &str) -> Value {
    json!({"op": "event", "name": name})
}

fn won(index: usize, value: Value) -> Result<Value, &'static str> {
    Ok(json!({"index": index, "value": value}))
}

#[test]
fn activities_give_what_is_known_of_them() {
    check(&[
        (value(json!({"a": 1})), vec![Ok(json!({"a": 1}))], vec![Ok(json!({"a": 2})), Err("a")]),
        (activity("echo", json!([1])), vec![Ok(json!([1]))], vec![Ok(json!(1)), Err("")]),
        (activity("add", json!([1, 2])), vec![Ok(json!(3))], vec![Ok(json!(4)), Ok(json!("3"))]),
        (activity("concat", json!(["a", "b"])), vec![Ok(json!("ab"))], vec![Ok(json!("ba"))]),
        (activity("hello", json!("Lima")), vec![Ok(json!("Hello Lima!"))], vec![Ok(json!("Hello, Lima!"))]),
        (activity("sleep", json!({"ms": 5, "value": 7})), vec![Ok(json!(7))], vec![Ok(Value::Null)]),
        (activity("trap", json!("x")), vec![Ok(json!("x"))], vec![Err("x")]),
        (activity("steps", json!({"of": 3})), vec![Ok(json!(3))], vec![Ok(json!(2))]),
        (
            activity("count", json!({"key": "k"})),
            vec![Ok(json!(1)), Ok(json!(99))],
            vec![Ok(json!(0)), Ok(json!("1"))],
        ),
        (
            activity("fail", json!("boom")),
            vec![Err("boom"), Err("task 1: boom")],
            vec![Ok(json!("boom")), Err("bo")],
        ),
        (
            activity("flaky", json!({"fails": 1, "value": 7})),
            vec![Err("flaky: attempt 1")],
            vec![Ok(json!(7))],
        ),
        (
            retried("flaky", json!({"fails": 2, "value": 7}), 3),
            vec![Ok(json!(7))],
            vec![Err("flaky: attempt 2")],
        ),
        (
            retried("flaky", json!({"fails": 2, "value": 7}), 2),
            vec![Err("flaky: attempt 2")],
            vec![Err("flaky: attempt 1")],
        ),
        (activity("fly", json!(1)), vec![Err("there is no activity function 'fly'; …")], vec![Ok(json!(1))]),
        (
            activity("hello", json!(1)),
            vec![Err("the input does not have the expected shape")],
            vec![Ok(json!("Hello 1!"))],
        ),
    ]);
}

#[test]
fn what_the_orchestrator_does_by_itself_is_checked_by_its_shape() {
    check(&[
        (timer(DAY), vec![Ok(Value::Null)], vec![Ok(json!(0)), Err("")]),
        (json!({"op": "status", "value": 1}), vec![Ok(Value::Null)], vec![Ok(json!(1))]),
        (
            json!({"op": "now"}),
            vec![Ok(json!("2023-11-14T22:13:20Z")), Ok(json!("2023-11-14T22:13:20.5+01:00"))],
            vec![Ok(json!("14 Nov 2023")), Ok(json!(1_700_000_000))],
        ),
        (
            json!({"op": "guid"}),
            vec![Ok(json!("0188d2c1-7f5e-5c3a-9B1D-0123456789ab"))],
            vec![
                Ok(json!("0188d2c17f5e5c3a9b1d0123456789ab")),
                Ok(json!("0188d2c1-7f5e-5c3a-9b1d-0123456789ag")),
            ],
        ),
        (fail("boom"), vec![Err("boom")], vec![Ok(Value::Null), Err("")]),
    ]);
}

#[test]
fn sequences_and_alls_give_what_their_parts_do() {
    let (one, two) = (activity("echo", json!(1)), value(json!(2)));
    check(&[
        (sequence(&[]), vec![Ok(json!([]))], vec![Ok(Value::Null)]),
        (
            sequence(&[one.clone(), two.clone()]),
            vec![Ok(json!([1, 2]))],
            vec![Ok(json!([2, 1])), Ok(json!([1]))],
        ),
        (sequence(&[fail("a"), fail("b")]), vec![Err("a")], vec![Err("b"), Ok(json!([null, null]))]),
        (sequence(&[one.clone(), fail("b"), fail("c")]), vec![Err("b")], vec![Err("c")]),
        (all(&[]), vec![Ok(json!([]))], vec![]),
        (all(&[one.clone(), two.clone()]), vec![Ok(json!([1, 2]))], vec![Ok(json!([2, 1]))]),
        (all(&[one, fail("a"), fail("b")]), vec![Err("a"), Err("b")], vec![Ok(json!([1, null, null]))]),
        (json!({"op": "rounds", "count": 3, "body": two}), vec![Ok(json!(2))], vec![Ok(json!([2, 2, 2]))]),
        (
            sequence(&[json!({"op": "rounds", "count": 3, "body": two})]),
            vec![Err("rounds may stand only at the top of a program")],
            vec![Ok(json!([2]))],
        ),
    ]);
}

#[test]
fn any_gives_what_a_branch_does_that_can_be_first() {
    let (one, two) = (activity("echo", json!(1)), activity("echo", json!(2)));
    let slow = sequence(&[one.clone(), timer(DAY)]);
    check(&[
        (any(&[]), vec![Err("any of nothing")], vec![Ok(Value::Null)]),
        (
            any(&[one.clone(), two.clone()]),
            vec![won(0, json!(1)), won(1, json!(2))],
            vec![won(0, json!(2)), won(2, json!(1)), Ok(json!(1)), Ok(json!({"index": 0}))],
        ),
        (
            any(&[one.clone(), activity("fail", json!("a"))]),
            vec![won(0, json!(1)), Err("a")],
            vec![won(1, json!("a"))],
        ),
        // What is slow does not win against what is quick.
        (any(&[timer(DAY), one.clone()]), vec![won(1, json!(1))], vec![won(0, Value::Null)]),
        (
            any(&[slow.clone(), event("never"), one.clone()]),
            vec![won(2, json!(1))],
            vec![won(0, json!([1, null]))],
        ),
        (
            any(&[all(&[one.clone(), timer(DAY)]), timer(500)]),
            vec![won(1, Value::Null)],
            vec![won(0, json!([1, null]))],
        ),
        (
            any(&[any(&[timer(DAY), slow.clone()]), one.clone()]),
            vec![won(1, json!(1))],
            vec![won(0, json!({"index": 0, "value": null}))],
        ),
        (
            any(&[json!({"op": "child", "program": slow}), one.clone()]),
            vec![won(1, json!(1))],
            vec![won(0, json!([1, null]))],
        ),
        (
            any(&[sequence(&[timer(DAY), fail("late")]), one.clone()]),
            vec![won(1, json!(1))],
            vec![Err("late")],
        ),
        // Against what may take as long it does, and it is not slow if it may fail before.
        (any(&[slow.clone(), timer(DAY + 1)]), vec![won(0, json!([1, null])), won(1, Value::Null)], vec![]),
        (
            any(&[sequence(&[fail("soon"), timer(DAY)]), one.clone()]),
            vec![Err("soon")],
            vec![won(1, json!(1))],
        ),
        (
            any(&[sequence(&[activity("fail", json!("x")), timer(DAY)]), one.clone()]),
            vec![Err("x"), won(1, json!(1))],
            vec![],
        ),
        // Of those that end at once the first listed wins.
        (
            any(&[one.clone(), value(json!(2)), value(json!(3))]),
            vec![won(1, json!(2))],
            vec![won(0, json!(1)), won(2, json!(3))],
        ),
        (
            any(&[sequence(&[value(json!(1)), timer(0)]), fail("now")]),
            vec![Err("now")],
            vec![won(0, json!([1, null]))],
        ),
        (
            any(&[all(&[value(json!(1)), json!({"op": "now"})]), fail("now")]),
            vec![won(0, json!([1, "2023-11-14T22:13:20Z"]))],
            vec![Err("now")],
        ),
    ]);
}

#[test]
fn events_bring_what_was_raised() {
    let timed = |ms: u64| json!({"op": "event", "name": "go", "timeoutMs": ms});
    check_with(
        &[("Go", json!(1)), ("gO", json!(2)), ("other", json!(3))],
        &[
            (event("GO"), vec![Ok(json!(1)), Ok(json!(2))], vec![Ok(json!(3)), Ok(json!("timeout"))]),
            (timed(5), vec![Ok(json!(1)), Ok(json!("timeout"))], vec![Ok(json!(3))]),
            (timed(DAY), vec![Ok(json!(1)), Ok(json!("timeout"))], vec![Ok(Value::Null)]),
            (event("never"), vec![], vec![Ok(json!(1)), Ok(json!("timeout")), Err("")]),
            (any(&[event("go"), timer(DAY)]), vec![won(0, json!(1))], vec![won(1, Value::Null)]),
            // Not everybody gets one, or a child.
            (
                any(&[all(&[event("go"), event("go"), event("go")]), timer(DAY)]),
                vec![won(1, Value::Null)],
                vec![],
            ),
            (json!({"op": "child", "program": event("go")}), vec![], vec![Ok(json!(1))]),
            (json!({"op": "child", "program": timed(5)}), vec![Ok(json!("timeout"))], vec![Ok(json!(1))]),
        ],
    );
}

#[test]
fn children_and_handlers_hand_on_the_innermost_message() {
    let boom = json!({"op": "child", "program": activity("fail", json!("boom"))});
    let handled = |body: &Value, handler: Value| json!({"op": "catch", "body": body, "handler": handler});
    let caught = |message: &str, value: Value| Ok(json!({"caught": message, "value": value}));
    let named = |id: &str| json!({"op": "child", "id": id, "program": value(json!(1))});
    check(&[
        (boom.clone(), vec![Err("child: activity: boom")], vec![Ok(Value::Null), Err("bang")]),
        (
            json!({"op": "child", "program": {"op": "rounds", "count": 2, "body": value(json!(1))}}),
            vec![Ok(json!(1))],
            vec![],
        ),
        (
            handled(&boom, value(json!(1))),
            vec![caught("x: boom", json!(1))],
            vec![caught("bang", json!(1)), Ok(json!(1)), Err("boom")],
        ),
        (handled(&boom, fail("again")), vec![Err("again")], vec![Err("boom")]),
        (
            handled(&value(json!(2)), fail("again")),
            vec![Ok(json!(2))],
            vec![Err("again"), caught("again", json!(2))],
        ),
        (
            handled(&any(&[boom.clone(), activity("echo", json!(1))]), value(json!(3))),
            vec![caught("boom", json!(3)), won(1, json!(1))],
            vec![Ok(json!(3))],
        ),
        (
            all(&[named("a"), named("b")]),
            vec![Ok(json!([1, 1]))],
            vec![Err("'a' exists and has not finished")],
        ),
        (
            all(&[named("a"), named("a")]),
            vec![Ok(json!([1, 1])), Err("'a' exists and has not finished")],
            vec![],
        ),
    ]);
}

#[test]
fn a_refusal_says_where_and_why() {
    let program = sequence(&[value(json!(1)), all(&[activity("echo", json!("a"))])]);
    let error = verdict(&program, &[], Ok(json!([1, ["b"]]))).unwrap_err();
    assert_eq!(error, "in part 1: in part 0: \"b\" is not \"a\", which 'echo' gives");
}

fn call(entity: &str, operation: &str, input: Value) -> Value {
    json!({"op": "call", "entity": entity, "operation": operation, "input": input})
}

fn signal(entity: &str, operation: &str, input: Value) -> Value {
    json!({"op": "signal", "entity": entity, "operation": operation, "input": input})
}

fn lock(entities: &[&str], body: Value) -> Value {
    json!({"op": "lock", "entities": entities, "body": body})
}

fn catch(body: Value) -> Value {
    json!({"op": "catch", "body": body, "handler": value(json!(0))})
}

#[test]
fn operations_of_entities_give_what_follows_from_those_before() {
    let add = |amount: i64| call("counter@a", "add", json!(amount));
    let get = || call("@Counter@a", "get", Value::Null);
    let withdraw = |amount: i64| call("account@a", "withdraw", json!(amount));
    let deposit = |amount: i64| signal("account@a", "deposit", json!(amount));
    let refused = json!({"caught": "insufficient funds", "value": 0});
    check(&[
        (add(2), vec![Ok(json!(2))], vec![Ok(json!(3)), Ok(Value::Null), Err("x")]),
        (signal("counter@a", "add", json!(2)), vec![Ok(Value::Null)], vec![Ok(json!(2)), Err("x")]),
        (sequence(&[add(2), get()]), vec![Ok(json!([2, 2]))], vec![Ok(json!([2, 0])), Ok(json!([2, 4]))]),
        (
            sequence(&[
                signal("counter@a", "add", json!(2)),
                get(),
                call("counter@a", "reset", json!(0)),
                get(),
            ]),
            vec![Ok(json!([null, 2, null, 0]))],
            vec![Ok(json!([null, 0, null, 0])), Ok(json!([null, 2, null, 2]))],
        ),
        (withdraw(1), vec![Err("x: insufficient funds")], vec![Ok(json!(-1)), Err("x")]),
        (
            sequence(&[deposit(5), catch(withdraw(6)), withdraw(5)]),
            vec![Ok(json!([null, refused, 0]))],
            vec![Ok(json!([null, -1, 0])), Ok(json!([null, refused, -6]))],
        ),
        (
            sequence(&[deposit(5), catch(withdraw(5))]),
            vec![Ok(json!([null, 0]))],
            vec![Ok(json!([null, refused]))],
        ),
        // The order is not known, the sum is.
        (
            sequence(&[all(&[add(1), sequence(&[add(10), signal("counter@a", "add", json!(100))])]), get()]),
            vec![Ok(json!([[1, [11, null]], 111])), Ok(json!([[111, [10, null]], 111]))],
            vec![Ok(json!([[1, [11, null]], 11])), Ok(json!([[1000, [11, null]], 111]))],
        ),
        (all(&[add(1), get()]), vec![Ok(json!([1, 0])), Ok(json!([1, 1]))], vec![Ok(json!([1, "x"]))]),
        (
            json!({"op": "rounds", "count": 3, "body": add(2)}),
            vec![Ok(json!(6))],
            vec![Ok(json!(2)), Ok(json!(8))],
        ),
        (
            sequence(&[json!({"op": "child", "program": add(2)}), get()]),
            vec![Ok(json!([2, 2]))],
            vec![Ok(json!([2, 0]))],
        ),
        (call("counter@a", "fly", json!(1)), vec![Err("it has no operation 'fly'")], vec![Ok(json!(1))]),
        (call("bird@a", "fly", json!(1)), vec![Err("there is no entity function 'bird'")], vec![]),
    ]);
}

#[test]
fn critical_sections_have_rules() {
    let balance = |entity: &str| call(entity, "balance", Value::Null);
    let child = json!({"op": "child", "program": value(json!(1))});
    let two = |body: Value| lock(&["account@a", "account@b"], body);
    check(&[
        (two(balance("@Account@b")), vec![Ok(json!(0))], vec![Ok(json!(1)), Err("x")]),
        (
            two(balance("account@c")),
            vec![Err("account@c is no part of the critical section: lock it too")],
            vec![Ok(json!(0))],
        ),
        (two(signal("account@c", "deposit", json!(1))), vec![Ok(Value::Null)], vec![Err("x")]),
        (
            two(signal("account@a", "deposit", json!(1))),
            vec![Err("@account@a is locked by this orchestrator")],
            vec![Ok(Value::Null)],
        ),
        (two(child.clone()), vec![Err("it cannot be called in a critical section")], vec![Ok(json!(1))]),
        (
            two(two(value(json!(1)))),
            vec![Err("the orchestrator is in a critical section already")],
            vec![Ok(json!(1))],
        ),
        // Whether the other branch is in one is not known.
        (
            all(&[lock(&["account@a"], timer(5)), balance("account@b")]),
            vec![Ok(json!([null, 0])), Err("is no part of the critical section")],
            vec![Err("x")],
        ),
        (all(&[lock(&["account@a"], timer(5)), child]), vec![Ok(json!([null, 1]))], vec![Err("x")]),
    ]);
}
