//! Whether the scheduler needs to be told.

use std::time::Duration;

use jiff::Timestamp;

use crate::platform::after;

/// What a process remembers of the scheduler kicks that it sent, so that it need not send one for every instance.
///
/// An acknowledged kick for an instance that is due at some time means that the scheduler reads its logs at that time.
/// Whatever is due later and was filed before then is seen to without another kick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchedulerWatch {
    looks_at: Option<Timestamp>,
    woken: Option<Timestamp>,
    checked: Option<Timestamp>,
}

/// How often a process wakes the scheduler for instances that are overdue: whoever can read a status can cause that.
const WAKE_PAUSE: Duration = Duration::from_secs(5);
/// How often a process sees to it that the scheduler is alive, for instances with which nothing happens.
const CHECK_PAUSE: Duration = Duration::from_secs(20);

impl SchedulerWatch {
    /// Whether the scheduler must be kicked for something that has just been filed and is due at `due`.
    pub fn needs_kick(&self, due: Timestamp, now: Timestamp) -> bool {
        // A second's margin: what is filed while the scheduler reads may be missed.
        let margin = Duration::from_secs(1);
        !self.looks_at.is_some_and(|looks_at| looks_at <= due && now < looks_at - margin)
    }

    /// Whether the scheduler is to be woken at once for an instance that is overdue; notes that it is.
    pub fn wakes(&mut self, now: Timestamp) -> bool {
        is_time(&mut self.woken, WAKE_PAUSE, now)
    }

    /// Whether to see if the scheduler is alive; notes that it is done.
    pub fn checks(&mut self, now: Timestamp) -> bool {
        is_time(&mut self.checked, CHECK_PAUSE, now)
    }

    /// Notes that a kick for `due` was acknowledged.
    pub fn kicked(&mut self, due: Timestamp) {
        self.looks_at = Some(due);
    }
}

fn is_time(last: &mut Option<Timestamp>, pause: Duration, now: Timestamp) -> bool {
    // A clock that was set back must not keep everybody from doing it.
    let pausing = last.is_some_and(|last| last <= now && now < after(last, pause));
    if !pausing {
        *last = Some(now);
    }
    !pausing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overdue_instances_wake_the_scheduler_now_and_then() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut watch = SchedulerWatch::default();
        let woken: Vec<_> =
            [10, 11, 14, 15, 16, 3].into_iter().filter(|second| watch.wakes(at(*second))).collect();
        assert_eq!(woken, [10, 15, 3]);
    }

    #[test]
    fn one_kick_serves_what_is_filed_before_the_scheduler_looks() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut watch = SchedulerWatch::default();
        assert!(watch.needs_kick(at(15), at(10)), "nothing was sent yet");
        watch.kicked(at(15));
        assert!(!watch.needs_kick(at(16), at(11)));
        assert!(watch.needs_kick(at(14), at(11)), "due before the scheduler looks");
        assert!(watch.needs_kick(at(19), at(14)), "too close to its look");
        assert!(watch.needs_kick(at(25), at(20)), "it has looked");
    }
}
