//! What a write to the store means, in a line.

use jiff::Timestamp;
use longhaul::{InstanceKey, Record};

/// Tells of a write: what `key` now holds.
pub fn tell(key: &str, value: Option<&[u8]>) -> String {
    let Some(value) = value else { return format!("{key} is deleted") };
    let text = match (key.starts_with("sim/instance/"), Record::decode(value)) {
        (true, Ok(record)) => tell_record(&record),
        _ => match value {
            [.., 0] if value.len() == 8 => {
                u64::from_le_bytes(value.try_into().expect("eight bytes")).to_string()
            }
            _ => String::from_utf8_lossy(value).into_owned(),
        },
    };
    format!("{key} := {text}")
}

fn tell_record(record: &Record) -> String {
    let control = &record.control;
    let mut text = format!(
        "{:?} version {} epoch {} step {} owner {}",
        record.head.status,
        control.version,
        control.epoch,
        control.step,
        &control.owner[..4]
    );
    if let Some(lease) = &control.lease {
        text += &format!(", leased until {}", time(lease.expires));
    }
    if let Some(wake) = &control.wake {
        text += &format!(", {} due {}", wake.entry, time(wake.due));
    }
    if let Some(timer) = control.timer {
        text += &format!(", timer at {}", time(timer));
    }
    for posted in &control.outbox {
        text += &format!(", to send {} {:?}", posted.number, posted.what);
    }
    if control.inbox.read > 0 {
        text += &format!(", read {} holes {:?}", control.inbox.read, control.inbox.holes);
    }
    for lock in &control.locks {
        text += &format!(", has locked {}", lock.entity);
    }
    if let Some(entity) = &control.entity {
        text += &format!(", {entity:?}, state {:?}", record.head.output);
    }
    for (id, task) in &control.tasks {
        text += &format!(", task {id} attempt {}", task.attempt);
        if let Some(at) = task.retry_at {
            text += &format!(" again at {}", time(at));
        }
    }
    text
}

/// A time of a wall clock, as seconds since the run began.
fn time(at: Timestamp) -> String {
    format!("{:.3} s", at.as_duration().as_secs_f64() - 1_700_000_000.0)
}

/// The key of an instance's record.
pub fn record_key(key: &InstanceKey) -> String {
    format!("sim/instance/{key}")
}
