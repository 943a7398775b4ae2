//! Fan-out/fan-in: many activities side by side, and one result of them all.
//!
//! [`call_activity`](OrchestrationContext::call_activity) asks at once, and gives a future; the combinators of `futures`
//! wait for many of them. All are stored as asked for in one write and run at the same time, up to the limit
//! `activities_in_flight`. Results are stored as they come: after a crash only those run again that had not ended.
//!
//! [`try_join_all`] gives up with the first failure; what still runs is ignored then. To see all results, take
//! `join_all`.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use longhaul::{Failure, OrchestrationContext};
use serde::{Deserialize, Serialize};

/// The orchestrator function's name.
pub const NAME: &str = "fan-out";

/// What to count: `{"texts": ["one text", "another text"]}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Texts {
    /// There is an activity for each.
    pub texts: Vec<String>,
}

/// How often each word occurs, in lower case.
pub type Counts = BTreeMap<String, u64>;

/// Counts the words of all texts.
pub async fn count_words(ctx: OrchestrationContext, Texts { texts }: Texts) -> Result<Counts, Failure> {
    let calls = texts.iter().map(|text| ctx.call_activity::<_, Counts>("count-words", text));
    let mut sum = Counts::new();
    for (word, count) in try_join_all(calls).await?.into_iter().flatten() {
        *sum.entry(word).or_default() += count;
    }
    Ok(sum)
}

/// The activity that counts the words of one text.
pub fn count(text: String) -> Result<Counts, Failure> {
    let mut counts = Counts::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    match counts.is_empty() {
        true => Err(Failure::permanent("NoWords", "there is a text without words")),
        false => Ok(counts),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use longhaul::testing::TestHub;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn hub() -> TestHub<'static> {
        TestHub::new(crate::orchestrators()).activity_taking("count-words", SECOND, count)
    }

    fn texts(texts: &[&str]) -> Texts {
        Texts { texts: texts.iter().map(|text| (*text).to_owned()).collect() }
    }

    #[test]
    fn the_texts_are_counted_side_by_side_and_the_counts_added() {
        let run = hub().run(NAME, texts(&["To be, or not to be", "be there", "or not"]));
        let expected = [("be", 3), ("not", 2), ("or", 2), ("there", 1), ("to", 2)];
        assert_eq!(run.output(), Ok(Counts::from(expected.map(|(word, count)| (word.to_owned(), count)))));
        assert_eq!(run.elapsed(), SECOND, "not one after the other");
        assert_eq!(hub().run(NAME, texts(&[])).output(), Ok(Counts::new()));
    }

    #[test]
    fn one_failure_is_that_of_all() {
        let run = hub().run(NAME, texts(&["a", "...", "b"]));
        assert_eq!(run.output::<Counts>().unwrap_err().kind, "NoWords");
    }
}
