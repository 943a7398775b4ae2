//! Which of the sub-ranges that are being read give how much away.

use std::ops::Bound;

use super::cursor::SubRange;
use super::split;

/// What is left of a sub-range must be worth at least so many pages.
const WORTH_DIVIDING: f64 = 2.0;

/// The most pages that a sub-range is taken to have left.
const MANY: f64 = 1e9;

/// The points at which sub-ranges are to be divided, by id, so that there is work for so many more requests.
///
/// How many pages a sub-range has left is estimated: as many for each key as it had so far.
pub(super) fn among<'p>(parts: impl Iterator<Item = &'p SubRange>, idle: usize) -> Vec<(u64, Vec<String>)> {
    if idle == 0 {
        return Vec::new();
    }
    let mut long: Vec<_> = parts
        .filter_map(|part| Some((part, pages_left(part)?, 0)))
        .filter(|(_, left, _)| *left >= WORTH_DIVIDING)
        .collect();
    for _ in 0..idle {
        // To the one whose parts would be the longest.
        let each = |(_, left, given): &(_, f64, usize)| left / (*given as f64 + 1.0);
        let longest = long.iter_mut().max_by(|a, b| each(a).total_cmp(&each(b)));
        let Some(longest) = longest.filter(|longest| longest.1 / (longest.2 as f64 + 2.0) >= 1.0) else {
            break;
        };
        longest.2 += 1;
    }
    let given = long.into_iter().filter(|(_, _, given)| *given > 0);
    let points = given.map(|(part, _, given)| {
        // After having given in vain, less.
        let given = if part.divisible_after > 1 { 1 } else { given };
        (part.id, split::points(part.position(), &part.end(), given + 1))
    });
    points.filter(|(_, points)| !points.is_empty()).collect()
}

/// About how many pages it has left; none if it cannot be divided now.
fn pages_left(part: &SubRange) -> Option<f64> {
    let may_be = part.pages >= part.divisible_after && !part.unclear && !part.is_one_key();
    if !may_be {
        return None;
    }
    let from = match &part.range.from {
        Bound::Included(from) | Bound::Excluded(from) => from,
        Bound::Unbounded => "",
    };
    let reached = part.position();
    let before = split::distance(from, &Bound::Included(reached.to_owned()));
    let left = split::distance(reached, &part.end()) / before * part.pages as f64;
    // Nothing is behind it yet: there may be any number.
    Some(if left.is_nan() { MANY } else { left.min(MANY) })
}
