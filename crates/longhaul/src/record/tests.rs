use super::*;
use crate::history::EventKind;
use crate::id::{ExecutionId, InstanceId, TaskId};
use crate::json::Json;
use crate::keys::{EntryName, Log};
use crate::payload::Payload;

/// A record just created.
pub(crate) fn new_record(name: &str, input: &str) -> Record {
    let at: Timestamp = "2021-10-10T08:49:37.123Z".parse().unwrap();
    Record {
        head: Head {
            format: FORMAT,
            id: InstanceId::new("a\"b").unwrap(),
            name: name.into(),
            execution: ExecutionId::random([7; 16]),
            status: RuntimeStatus::Pending,
            created: at,
            updated: at,
            input: Json::parse(input).unwrap().into(),
            output: None,
            failure: None,
            custom_status: None,
            progress: None,
            waits_for: None,
            version: None,
            scheduled: None,
            parent: None,
            tags: [("a".to_owned(), "b".to_owned())].into(),
            created_slot: 9,
            purging: false,
            need: None,
        },
        control: Control {
            version: 1,
            commit: "c".into(),
            epoch: 1,
            owner: "me".into(),
            ..Control::default()
        },
        tail: Vec::new(),
    }
}

fn record() -> Record {
    let new = new_record("o", "{\"a\":\n\"\\n\"}");
    let at = new.head.created;
    let mut record = Record {
        head: Head { status: RuntimeStatus::Running, ..new.head },
        control: Control {
            lease: Some(Lease { granted: at, expires: at, offered: false }),
            wake: Some(Wake { entry: EntryName { log: Log::Created, slot: 9 }, due: at }),
            tasks: [(TaskId(0), Task { attempt: 1, ..Task::default() })].into(),
            events: 2,
            ..new.control
        },
        tail: Vec::new(),
    };
    let events = [
        Event { at, event: EventKind::OrchestratorStarted },
        Event {
            at,
            event: EventKind::TaskScheduled {
                id: TaskId(0),
                name: "x".into(),
                input: Payload::Inline(Json::parse("[1,\n2]").unwrap()),
                retry: 0,
            },
        },
    ];
    encode_events(&mut record.tail, &events);
    assert_eq!(record.tail_events().as_deref(), Ok(&events[..]));
    record
}

#[test]
fn a_record_is_read_back_as_it_was_written() {
    let record = record();
    let bytes = record.encode();
    assert_eq!(Record::decode(&bytes), Ok(record.clone()));
    assert_eq!(Record::decode(&bytes).unwrap().encode(), bytes);
    assert_eq!(decode_head(&bytes), Ok(record.head));
}

#[test]
fn another_format_is_refused_by_its_number() {
    let text = String::from_utf8(record().encode()).unwrap().replace("\"format\":2", "\"format\":3");
    assert_eq!(Record::decode(text.as_bytes()), Err(UnreadableRecord::Format(3)));
    assert_eq!(decode_head(b"{\"format\":9,\"else\":1}\n"), Err(UnreadableRecord::Format(9)));
    assert!(matches!(Record::decode(b""), Err(UnreadableRecord::Malformed(_))));
    assert!(matches!(Record::decode(b"12"), Err(UnreadableRecord::Malformed(_))));
}

#[test]
fn a_lease_from_the_far_future_holds_nobody_up() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let lease = Lease { granted: at(100), expires: at(115), offered: true };
    assert!(lease.is_live(at(114)) && lease.is_live(at(100)) && lease.is_live(at(90)));
    assert!(!lease.is_live(at(115)), "it has expired");
    assert!(!lease.is_live(at(40)), "the clock was set back by a minute");
}

#[test]
fn the_need_is_the_lease_then_the_next_timer_or_retry_then_nothing() {
    let mut record = record();
    let later = |seconds| record.head.updated + jiff::SignedDuration::from_secs(seconds);
    let (soon, late) = (later(5), later(60));
    record.control.lease.as_mut().unwrap().expires = late;
    assert_eq!(record.need(), Some(late));
    record.control.lease = None;
    assert_eq!(record.need(), Some(record.head.updated), "its task wants somebody");
    record.control.tasks.get_mut(&TaskId(0)).unwrap().retry_at = Some(late);
    assert_eq!(record.need(), Some(late));
    record.control.timer = Some(soon);
    assert_eq!(record.need(), Some(soon));
    record.control.suspended = true;
    assert_eq!(record.need(), None);
    record.control.suspended = false;
    record.control.timer = None;
    record.control.tasks.clear();
    assert_eq!(record.need(), None, "it waits for messages");
    record.head.status = RuntimeStatus::Completed;
    assert_eq!(record.need(), None);
    record.control.outbox.push(Posted { number: 1, what: Outgoing::Result });
    assert_eq!(record.need(), Some(record.head.updated), "somebody is to be told");
}

#[test]
fn names_in_a_row_take_little_room() {
    let mut runs = Vec::new();
    for (stem, number) in [("a", 1), ("a", 2), ("a", 3), ("b", 4), ("b", 6)] {
        Run::add(&mut runs, stem, number);
    }
    assert_eq!(runs.len(), 3);
    assert_eq!(runs[0].numbers(), 1..4);
}
