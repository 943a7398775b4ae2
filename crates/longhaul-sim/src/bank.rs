//! A bank: accounts as entities, and orchestrations that move money between them in critical sections.
//!
//! Entities keep a line of each operation that changed them, so that at the end it can be told whether each was carried
//! out once, in order, and by whom an entity was used meanwhile.

use std::time::Duration;

use futures::future::join;
use longhaul::{
    EntityContext, EntityFunctions, EntityId, Failure, InstanceId, Json, Operations, OrchestrationContext,
    Orchestrators, UnprocessedEvents,
};
use serde::{Deserialize, Serialize};

/// What an account has at first.
pub const OPENING_BALANCE: i64 = 100;

/// One operation, as the entity that carried it out keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Who asked for it: an instance, or a customer.
    pub who: String,
    /// A number that no other operation of the same has.
    pub n: u32,
    /// On which way it came. What comes on one way comes in the order of its numbers.
    pub way: Way,
    /// How much money came.
    #[serde(default)]
    pub amount: i64,
    /// In which critical section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
}

/// On which way an operation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Way {
    /// From who asked for it.
    Direct,
    /// Through a relay.
    Relayed,
    /// At a later time, or through an orchestration of its own: in any order.
    Any,
}

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// What is on it.
    pub balance: i64,
    /// What has happened to it.
    pub lines: Vec<Line>,
}

impl Default for Account {
    fn default() -> Self {
        Self { balance: OPENING_BALANCE, lines: Vec::new() }
    }
}

impl Account {
    async fn book(&mut self, _: &EntityContext, line: Line) -> Result<i64, Failure> {
        // Whatever is done before the failure is undone.
        self.balance += line.amount;
        self.lines.push(line);
        match self.balance < 0 {
            true => Err(Failure::new("Account", "insufficient funds")),
            false => Ok(self.balance),
        }
    }

    async fn balance(&mut self, _: &EntityContext, (): ()) -> Result<i64, Failure> {
        Ok(self.balance)
    }
}

/// What a relay is to hand on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parcel {
    /// To which entity.
    pub to: EntityId,
    /// What.
    pub line: Line,
    /// Whether an orchestration is to do it.
    #[serde(default)]
    pub by_orchestration: bool,
}

/// The entity functions: accounts, and relays, which have no state at all and so are removed whenever entities are
/// cleaned.
pub fn entities() -> EntityFunctions {
    let account = Operations::new().with("book", Account::book).with("balance", Account::balance);
    EntityFunctions::new().with("vault", account).with_dispatch("relay", async |context: &EntityContext| {
        let Parcel { to, line, by_orchestration } = context.input()?;
        match by_orchestration {
            true => drop(context.start_orchestration("courier", (to, line), None)?),
            false => context.signal_entity(&to, "book", line)?,
        }
        Ok(())
    })
}

/// What a teller is to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// From which account.
    pub from: EntityId,
    /// To which account.
    pub to: EntityId,
    /// How much.
    pub amount: i64,
    /// The relay that it uses.
    pub relay: EntityId,
    /// Where it writes down what it does, with and without the relay.
    pub book: EntityId,
    /// How long it does nothing in the critical section.
    pub pause: Duration,
    /// How it ends.
    pub end: End,
    /// How often it is yet to continue as new, in the critical section.
    pub rounds: u32,
    /// The number of its next operation.
    #[serde(default)]
    pub next: u32,
}

/// How a teller ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It leaves the critical section, and goes on for a while.
    Leaves,
    /// It ends in it.
    Returns,
    /// It fails in it.
    Fails,
    /// It waits in it for ever: somebody terminates it.
    Waits,
}

/// The orchestrator functions.
pub fn orchestrators(functions: Orchestrators) -> Orchestrators {
    functions.with("teller", teller).with("courier", courier)
}

/// Moves money from one account to another. Gives the number of operations that it had carried out.
async fn teller(context: OrchestrationContext, mut job: Job) -> Result<u32, Failure> {
    let who = context.instance_id().to_string();
    let line = |next: &mut u32, way: Way, amount: i64, section: Option<&str>| {
        *next += 1;
        Line { who: who.clone(), n: *next - 1, way, amount, section: section.map(str::to_owned) }
    };
    let Job { from, to, amount, relay, book, .. } = job.clone();
    let next = &mut job.next;
    for _ in 0..2 {
        let parcel =
            Parcel { to: book.clone(), line: line(next, Way::Relayed, 0, None), by_orchestration: false };
        context.signal_entity(&relay, "pass", parcel)?;
    }
    context.signal_entity(&book, "book", line(next, Way::Direct, 0, None))?;
    let entered = context.lock_entities([from.clone(), to.clone()]).await?;
    let section = format!("{who}:{}", job.rounds);
    let section = Some(section.as_str());
    let before: i64 = context.call_entity(&from, "balance", ()).await?;
    let withdrawal = Line { amount: -amount, ..line(next, Way::Direct, 0, section) };
    match context.call_entity::<_, i64>(&from, "book", withdrawal).await {
        Ok(left) => {
            assert_eq!(left, before - amount, "nobody else has used {from} meanwhile");
            let outside = line(next, Way::Direct, 0, None);
            context.signal_entity(&book, "book", outside)?;
            if job.pause > Duration::ZERO {
                context.create_timer(job.pause).await;
            }
            // Both at once; their order is that in which they were asked for.
            let deposit = line(next, Way::Direct, amount, section);
            let (deposited, left) = join(
                context.call_entity::<_, i64>(&to, "book", deposit),
                context.call_entity::<_, i64>(&from, "balance", ()),
            )
            .await;
            deposited?;
            assert!(from == to || left? == before - amount, "nobody else has used {from} meanwhile");
        }
        // It has changed nothing, so that its number is free.
        Err(_) => {
            assert!(before < amount, "there was enough");
            *next -= 1;
        }
    }
    if job.rounds > 0 {
        let rest = Job { rounds: job.rounds - 1, ..job.clone() };
        return context.continue_as_new(rest, UnprocessedEvents::Keep).await;
    }
    match job.end {
        End::Leaves => {
            drop(entered);
            let mine = line(next, Way::Direct, 1, None);
            context.call_entity::<_, i64>(&from, "book", mine).await?;
            let parcel =
                Parcel { to: book.clone(), line: line(next, Way::Relayed, 0, None), by_orchestration: false };
            context.call_entity::<_, ()>(&relay, "pass", parcel).await?;
        }
        End::Returns => {}
        End::Fails => return Err(Failure::new("Teller", "on purpose")),
        End::Waits => context.wait_for_event::<()>("never").await?,
    }
    Ok(*next)
}

/// Hands on one line.
async fn courier(context: OrchestrationContext, (to, line): (EntityId, Line)) -> Result<(), Failure> {
    context.signal_entity(&to, "book", line)
}

/// The entity of this kind and number.
pub fn entity(kind: &str, number: u64) -> EntityId {
    EntityId::new(kind, &number.to_string()).expect("it is short")
}

/// How a job is handed to its orchestrator.
pub fn input(job: &Job) -> Json {
    Json::of(job).expect("jobs have a JSON form")
}

/// A chosen id of a job.
pub fn chosen_id(number: u64) -> InstanceId {
    InstanceId::new(format!("job-{number}")).expect("it is short")
}
