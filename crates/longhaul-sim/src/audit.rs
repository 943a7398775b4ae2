//! What the books of the bank must show at the end.

use std::collections::{BTreeMap, BTreeSet};

use longhaul::{Payload, Record, RuntimeStatus};

use crate::bank::{Account, Line, OPENING_BALANCE, Way};
use crate::checks::Data;
use crate::customers::Sent;

/// What a teller has ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The instance.
    pub who: String,
    /// The number of its operations, if it has completed.
    pub operations: Option<u32>,
}

/// The books: what each entity keeps.
pub struct Books {
    accounts: BTreeMap<String, Account>,
}

impl Books {
    /// Those in the store.
    pub fn of(data: &Data) -> Self {
        let mut accounts = BTreeMap::new();
        for (key, record) in entities(data) {
            let Record { head, .. } = &record;
            let state = match &head.output {
                Some(Payload::Inline(state)) => state.text().as_bytes().to_vec(),
                Some(Payload::Stored(stored)) => {
                    let name = format!("sim/payload/{key}/{}/{}", head.execution, stored.name);
                    data.get(&name).cloned().unwrap_or_default()
                }
                None => continue,
            };
            // Those of programs are numbers.
            let Ok(account) = serde_json::from_slice(&state) else { continue };
            accounts.insert(head.id.to_string(), account);
        }
        Self { accounts }
    }

    /// What was accepted and is not carried out.
    pub fn missing(&self, sent: &[Sent], ended: &[Ended]) -> Vec<(String, String)> {
        let mut missing = Vec::new();
        let lines = || {
            self.accounts
                .iter()
                .flat_map(|(name, account)| account.lines.iter().map(move |line| (name, line)))
        };
        let seen: BTreeMap<_, _> = lines().map(|(name, line)| ((line.who.as_str(), line.n), name)).collect();
        for Sent { line, to, acknowledged } in sent {
            if *acknowledged
                && seen.get(&(line.who.as_str(), line.n)).is_none_or(|name| **name != to.to_string())
            {
                missing.push((to.to_string(), format!("{line:?} was acknowledged, and is missing")));
            }
        }
        for Ended { who, operations } in ended {
            let of_it = 0..operations.unwrap_or(0);
            let numbers: Vec<_> = of_it.filter(|n| !seen.contains_key(&(who.as_str(), *n))).collect();
            if !numbers.is_empty() {
                missing.push((who.clone(), format!("of its operations {numbers:?} were not carried out")));
            }
        }
        missing
    }

    /// What is wrong with them.
    pub fn audit(&self, sent: &[Sent], ended: &[Ended]) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        let mut seen = BTreeMap::new();
        for (name, Account { balance, lines }) in &self.accounts {
            let sum = OPENING_BALANCE + lines.iter().map(|line| line.amount).sum::<i64>();
            if sum != *balance || sum < 0 {
                wrong.push((name.clone(), format!("its balance is {balance}, and its lines say {sum}")));
            }
            for line in lines {
                if let Some(before) = seen.insert((line.who.clone(), line.n), name) {
                    wrong.push((name.clone(), format!("it has {line:?} twice, the first time in {before}")));
                }
            }
            wrong.extend(out_of_order(lines, sent).map(|what| (name.clone(), what)));
            wrong.extend(intrusions(lines).map(|what| (name.clone(), what)));
        }
        wrong.extend(self.missing(sent, ended));
        wrong.extend(self.half_transfers(ended));
        wrong
    }

    /// Money is conserved: who has ended by itself has put down all that it took.
    fn half_transfers<'a>(&'a self, ended: &'a [Ended]) -> impl Iterator<Item = (String, String)> + 'a {
        let mut sums = BTreeMap::<&str, i64>::new();
        for line in self.accounts.values().flat_map(|account| &account.lines) {
            if let Some(section) = &line.section {
                *sums.entry(section).or_default() += line.amount;
            }
        }
        let by_itself: BTreeSet<_> =
            ended.iter().filter(|ended| ended.operations.is_some()).map(|ended| &ended.who).collect();
        sums.into_iter().filter_map(move |(section, sum)| {
            let who = section.rsplit_once(':').map_or(section, |(who, _)| who).to_owned();
            let wrong = sum > 0 || (sum < 0 && by_itself.contains(&who));
            wrong.then(|| (who, format!("{sum} is what came of the money that section {section} moved")))
        })
    }
}

/// What is still under way in the entities of `data`.
pub fn unsettled(data: &Data) -> Option<(String, String)> {
    entities(data).find_map(|(key, record)| {
        let control = &record.control;
        let entity = control.entity.as_ref()?;
        let settled = entity.locked_by.is_none()
            && entity.waiting.is_empty()
            && entity.scheduled.is_empty()
            && control.outbox.is_empty()
            && control.lease.is_none()
            && control.inbox.holes.is_empty();
        (!settled).then(|| (key.to_owned(), format!("it does not come to rest: {control:?}")))
    })
}

/// How an instance has ended.
pub fn ended(who: String, record: &Record) -> Ended {
    let output = match (record.head.status, &record.head.output) {
        (RuntimeStatus::Completed, Some(Payload::Inline(output))) => output.to().ok(),
        _ => None,
    };
    Ended { who, operations: output }
}

/// The entities in a store, and their records.
pub fn entities(data: &Data) -> impl Iterator<Item = (&str, Record)> {
    let records = data.range("sim/instance/@".to_owned().."sim/instance/A".to_owned());
    records
        .filter_map(|(name, bytes)| Some((name.strip_prefix("sim/instance/")?, Record::decode(bytes).ok()?)))
}

/// What came on one way from one sender stands in the order in which it was sent, as far as each was sent when the one
/// before was accepted.
fn out_of_order<'a>(lines: &'a [Line], sent: &'a [Sent]) -> impl Iterator<Item = String> + 'a {
    let mut last = BTreeMap::<(&str, Way), u32>::new();
    lines.iter().filter_map(move |line| {
        // A signal whose sender got no answer may come at any time.
        let is_doubtful = || sent.iter().any(|sent| is_same(&sent.line, line) && !sent.acknowledged);
        if line.way == Way::Any || is_doubtful() {
            return None;
        }
        let before = last.insert((&line.who, line.way), line.n).filter(|before| *before > line.n)?;
        Some(format!("it has {line:?} after {before} of the same"))
    })
}

/// Nobody else uses an entity during a critical section: the lines of each stand together.
fn intrusions(lines: &[Line]) -> impl Iterator<Item = String> + '_ {
    let mut over = BTreeSet::new();
    let mut present: Option<&str> = None;
    lines.iter().filter_map(move |line| {
        let section = line.section.as_deref();
        let again = section.is_some_and(|section| over.contains(section));
        if section != present {
            over.extend(present);
            present = section;
        }
        again.then(|| format!("others came into section {}", section.unwrap_or_default()))
    })
}

fn is_same(one: &Line, other: &Line) -> bool {
    (&one.who, one.n) == (&other.who, other.n)
}
