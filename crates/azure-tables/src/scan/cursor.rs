//! How far a scan is: what it takes to go on elsewhere, but for the values found. Small, whatever the table.

use std::ops::Bound;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::distinct::{Added, Rows};
use crate::page::Continuation;
use crate::partition_range::PartitionRange;

/// How far a [`DistinctScan`](super::DistinctScan) is. It can be stored, and taken up with the same query and column,
/// together with the values that had been found when it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanCursor {
    /// The sub-ranges that are not read to their ends.
    pub(super) open: Vec<SubRange>,
    /// The id for the next sub-range.
    pub(super) next_id: u64,
    pub(super) done: u64,
    #[serde(flatten)]
    pub(super) rows: Rows,
    pub(super) pages: u64,
    pub(super) throttled: u64,
    pub(super) retries: u64,
    pub(super) restarts: u64,
}

/// More than any count comes to, and far from where adding overflows.
const MOST: u64 = 1 << 53;

impl ScanCursor {
    /// The same with counts that can be added to.
    pub(super) fn bounded(self) -> Self {
        Self {
            done: self.done.min(MOST),
            rows: self.rows.bounded(MOST),
            pages: self.pages.min(MOST),
            throttled: self.throttled.min(MOST),
            retries: self.retries.min(MOST),
            restarts: self.restarts.min(MOST),
            ..self
        }
    }
}

/// One of the parts of the range that are read independently of each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SubRange {
    pub(super) id: u64,
    /// What the service is asked for. It never changes, since the continuation belongs to it.
    #[serde(with = "bounds")]
    pub(super) range: PartitionRange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) continuation: Option<Continuation>,
    /// Rows from this key on have been given to others: once a page shows one, this part is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stop: Option<String>,
    /// The greatest partition key that was seen. All rows with lesser ones have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reached: Option<String>,
    /// The rows that were seen since: those that are seen again if it is begun again from there.
    #[serde(default)]
    pub(super) since_reached: Rows,
    /// Whether some key was not in order, or not clearly so: it then is not divided.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) unclear: bool,
    pub(super) pages: u64,
    /// With how many pages it may be divided again.
    #[serde(default)]
    pub(super) divisible_after: u64,
    /// Who gave it away, if it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) giver: Option<u64>,
    /// How many tries for the next page have failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) tries: u32,
    /// Until when the service asked to be spared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_before: Option<Timestamp>,
    /// How often it was begun again without having reached a further key meanwhile.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) restarts: u32,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl SubRange {
    pub(super) fn new(id: u64, range: PartitionRange) -> Self {
        Self {
            id,
            range,
            continuation: None,
            stop: None,
            reached: None,
            since_reached: Rows::default(),
            unclear: false,
            pages: 0,
            divisible_after: 1,
            giver: None,
            tries: 0,
            not_before: None,
            restarts: 0,
        }
    }

    /// The same with counts that can be added to.
    pub(super) fn bounded(self) -> Self {
        Self {
            since_reached: self.since_reached.bounded(MOST),
            pages: self.pages.min(MOST),
            divisible_after: self.divisible_after.min(MOST),
            tries: self.tries.min(u32::MAX / 2),
            restarts: self.restarts.min(u32::MAX / 2),
            ..self
        }
    }

    /// Whether all its rows have one key, so that there is no use in asking for the keys.
    pub(super) fn is_one_key(&self) -> bool {
        matches!((&self.range.from, &self.range.to), (Bound::Included(from), Bound::Included(to)) if from == to)
    }

    /// The key after which the unread rows come: of this one itself there may be more.
    pub(super) fn position(&self) -> &str {
        match (&self.reached, &self.range.from) {
            (Some(reached), _) => reached,
            (None, Bound::Included(from) | Bound::Excluded(from)) => from,
            (None, Bound::Unbounded) => "",
        }
    }

    /// Where it ends.
    pub(super) fn end(&self) -> Bound<String> {
        self.stop.clone().map_or_else(|| self.range.to.clone(), Bound::Excluded)
    }

    /// What is to be read if the continuation is of no use any more.
    pub(super) fn unread(&self) -> PartitionRange {
        let from = self.reached.clone().map_or_else(|| self.range.from.clone(), Bound::Included);
        PartitionRange { from, to: self.end() }
    }

    /// Takes note of how far a page came.
    pub(super) fn take(&mut self, added: &Added) {
        let further =
            added.greatest.as_ref().filter(|key| self.reached.as_ref().is_none_or(|reached| *key > reached));
        let back = added.greatest.is_some() && further.is_none() && added.greatest != self.reached;
        self.unclear |= added.is_unclear || back;
        match further.filter(|_| !self.unclear) {
            Some(key) => {
                self.reached = Some(key.clone());
                self.since_reached = added.rows_at_greatest;
                self.restarts = 0;
            }
            None => self.since_reached += added.rows,
        }
    }

    /// Goes back to where it is sure that all before has been read, and answers which rows will be read again.
    pub(super) fn begin_again(&mut self) -> Rows {
        self.range = self.unread();
        (self.continuation, self.stop) = (None, None);
        (self.pages, self.divisible_after) = (0, 1);
        std::mem::take(&mut self.since_reached)
    }

    /// What it has given away is read: had it no rows at all, there may be little use in giving more.
    pub(super) fn has_given(&mut self, nothing: bool) {
        self.divisible_after = if nothing { self.pages.max(1) * 2 } else { 1 };
    }
}

/// A range as JSON: its conditions, by their operators.
mod bounds {
    use std::ops::Bound;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::partition_range::PartitionRange;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Bounds<T> {
        #[serde(skip_serializing_if = "Option::is_none")]
        ge: Option<T>,
        #[serde(skip_serializing_if = "Option::is_none")]
        gt: Option<T>,
        #[serde(skip_serializing_if = "Option::is_none")]
        le: Option<T>,
        #[serde(skip_serializing_if = "Option::is_none")]
        lt: Option<T>,
    }

    fn parts(bound: &Bound<String>) -> (Option<&String>, Option<&String>) {
        match bound {
            Bound::Included(key) => (Some(key), None),
            Bound::Excluded(key) => (None, Some(key)),
            Bound::Unbounded => (None, None),
        }
    }

    pub(super) fn serialize<S: Serializer>(range: &PartitionRange, serializer: S) -> Result<S::Ok, S::Error> {
        let ((ge, gt), (le, lt)) = (parts(&range.from), parts(&range.to));
        Bounds { ge, gt, le, lt }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PartitionRange, D::Error> {
        let Bounds { ge, gt, le, lt } = Bounds::<String>::deserialize(deserializer)?;
        let bound = |included, excluded| match (included, excluded) {
            (None, None) => Ok(Bound::Unbounded),
            (Some(key), None) => Ok(Bound::Included(key)),
            (None, Some(key)) => Ok(Bound::Excluded(key)),
            (Some(_), Some(_)) => Err(D::Error::custom("two bounds on one side of a range")),
        };
        Ok(PartitionRange { from: bound(ge, gt)?, to: bound(le, lt)? })
    }
}
