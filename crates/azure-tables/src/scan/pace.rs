//! How many requests are under way at a time: fewer when the service asks to be spared, and by and by more again.
//!
//! Additive increase, multiplicative decrease, as in TCP (RFC 5681): halved when a request is refused with 429 or 503,
//! one more for as many answers as there are requests at a time. Requests that were under way when it was halved say
//! nothing new, and do not halve it again.

/// How many requests may be under way.
#[derive(Debug)]
pub(super) struct Pace {
    most: f64,
    limit: f64,
    era: u64,
}

/// When a request was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Era(u64);

impl Pace {
    /// As many as `most`, at least one.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self { most, limit: most, era: 0 }
    }

    /// How many may be under way now.
    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// For a request that begins now.
    pub(super) fn era(&self) -> Era {
        Era(self.era)
    }

    /// A request was answered.
    pub(super) fn answered(&mut self) {
        self.limit = (self.limit + 1.0 / self.limit).min(self.most);
    }

    /// A request was refused that was begun then.
    pub(super) fn throttled(&mut self, begun: Era) {
        if begun == self.era() {
            self.limit = (self.limit / 2.0).max(1.0);
            self.era += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_halves_the_pace_once_and_answers_bring_it_back() {
        let mut pace = Pace::new(16);
        let era = pace.era();
        for _ in 0..16 {
            pace.throttled(era);
        }
        assert_eq!(pace.limit(), 8);
        for _ in 0..9 {
            pace.answered();
        }
        assert_eq!(pace.limit(), 9);
        for _ in 0..1000 {
            pace.answered();
        }
        assert_eq!(pace.limit(), 16);
        for _ in 0..10 {
            pace.throttled(pace.era());
        }
        assert_eq!(pace.limit(), 1);
        assert_eq!(Pace::new(0).limit(), 1);
    }
}
