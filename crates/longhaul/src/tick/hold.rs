//! Getting hold of an instance.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::stream::FuturesUnordered;
use jiff::Timestamp;

use super::{Surroundings, Tick, Ticked};
use crate::activity::Activities;
use crate::bell::Entered;
use crate::commit::{CommitError, Held, WakeEntry};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::id::InstanceKey;
use crate::inbox::{Holes, MessageKind};
use crate::kick::{Kicks, TickKick};
use crate::lookup::{ReadError, Stored};
use crate::outbox::Posting;
use crate::platform::{Platform, Stopwatch, until};
use crate::record::{SUSPECT, poison_pause};
use crate::stage::Stage;
use crate::status::RuntimeStatus;

/// What may happen with an instance that is to be ticked.
pub(super) enum Hold {
    Ours {
        held: Box<Held>,
        owner: String,
        entered: Entered,
    },
    /// It is an entity, which is held otherwise.
    Entity(Box<Stored>),
    Not(Ticked),
}

enum Standing {
    /// The lease was granted to the bearer of this kick.
    Granted,
    /// The lease may be taken over.
    Free,
    Busy,
    NotDue,
}

impl<P: Platform> Engine<P> {
    /// Gets hold of the instance, if it is time and nobody else has it.
    pub(super) async fn hold<A: Activities, K: Kicks>(
        &self,
        key: &InstanceKey,
        kick: &TickKick,
        around: Surroundings<'_, P, A, K>,
    ) -> Result<Hold, CommitError> {
        let not = |ticked| Ok(Hold::Not(ticked));
        if !self.ticking.admits() {
            return not(Ticked::Refused);
        }
        let Some(stored) = self.read_patiently(key).await? else { return not(Ticked::Nothing) };
        let head = &stored.record.head;
        if !self.is_chosen(key, &stored.record).await? {
            return not(Ticked::Nothing);
        }
        if head.purging {
            self.finish_purge(key, &stored).await?;
            return not(Ticked::Purged);
        }
        if stored.record.control.entity.is_some() {
            return Ok(Hold::Entity(Box::new(stored)));
        }
        if head.status.is_finished() && stored.record.control.outbox.is_empty() {
            return not(Ticked::Nothing);
        }
        let standing = self.standing(key, &stored, kick).await?;
        match standing {
            Standing::Busy => {
                // Its tick may run right here, and wait.
                self.ticking.ring(key);
                return not(Ticked::Busy);
            }
            Standing::NotDue => return not(Ticked::NotDue),
            Standing::Granted | Standing::Free => {}
        }
        let owner = self.nonce();
        if let Err(missing) = around.orchestrators.check(&head.name, head.version.as_deref())
            && !head.status.is_finished()
        {
            return self.leave_waiting(key, stored, &owner, missing.to_string()).await.map(Hold::Not);
        }
        let suspect = stored.record.control.strikes >= SUSPECT;
        let Some(entered) = self.ticking.enter(key, suspect) else { return not(Ticked::Refused) };
        let held = match standing {
            Standing::Granted => Held { key: key.clone(), stored },
            _ => {
                // Of an instance that was never ticked nobody knows whether its creator was in time.
                let wake = match head.status {
                    RuntimeStatus::Pending => WakeEntry::Fresh,
                    _ => WakeEntry::Keep,
                };
                match self.takeover(key, &stored, &owner, self.lease(), wake).await? {
                    Some(held) => held,
                    None => return not(Ticked::Busy),
                }
            }
        };
        Ok(Hold::Ours { held: Box::new(held), owner, entered })
    }

    async fn standing(
        &self,
        key: &InstanceKey,
        stored: &Stored,
        kick: &TickKick,
    ) -> Result<Standing, ReadError> {
        let control = &stored.record.control;
        let now = self.platform.now();
        Ok(match &control.lease {
            Some(lease) if lease.is_live(now) => {
                // The owner's name is a grant until somebody has used it: who adopts an instance may read that of a tick.
                if lease.offered && kick.token.as_ref() == Some(&control.owner) {
                    Standing::Granted
                } else if kick.abandoned_before.is_some_and(|start| lease.granted < start) {
                    Standing::Free
                } else {
                    Standing::Busy
                }
            }
            // One that takes processes down is not tried again at once.
            Some(lease) if waits_as_poison(control.strikes, lease.expires, now) => Standing::NotDue,
            Some(_) => Standing::Free,
            None if stored.record.need().is_some_and(|need| need <= now) => Standing::Free,
            None => match self.messages_sent(key).await? > control.inbox.read {
                true => Standing::Free,
                false => Standing::NotDue,
            },
        })
    }

    /// An instance that this application cannot run says so, and takes nothing but the order to end.
    async fn leave_waiting(
        &self,
        key: &InstanceKey,
        stored: Stored,
        owner: &str,
        why: String,
    ) -> Result<Ticked, CommitError> {
        let mut inbox = stored.record.control.inbox.clone();
        let messages = self.take_messages(key, &mut inbox, &mut Holes::new()).await?;
        let reason = messages.into_iter().find_map(|message| match message.what {
            MessageKind::Terminate { reason, parent: None } => Some(reason),
            _ => None,
        });
        if reason.is_none() && stored.record.head.waits_for.as_ref() == Some(&why) {
            return Ok(Ticked::NotRegistered);
        }
        let Some(mut held) = self.takeover(key, &stored, owner, self.lease(), WakeEntry::Keep).await? else {
            return Ok(Ticked::Busy);
        };
        let mut next = held.record().clone();
        next.head.updated = self.platform.now();
        next.control.lease = None;
        match reason {
            Some(reason) => {
                next.control.inbox = inbox;
                self.terminate_unreplayed(key, &mut next, reason).await?;
            }
            None => next.head.waits_for = Some(why),
        }
        self.commit(&mut held, next, WakeEntry::Keep).await?;
        Ok(Ticked::NotRegistered)
    }
}

fn waits_as_poison(strikes: u32, expired: Timestamp, now: Timestamp) -> bool {
    // A lease that seems to expire in the future was granted by a clock that has been set back since.
    let since = until(expired, now);
    expired <= now && since < poison_pause(strikes)
}

impl<'a, P: Platform, A: Activities, K: Kicks> Tick<'a, P, A, K> {
    /// Rebuilds the execution of what is held.
    pub(super) async fn begin(
        around: Surroundings<'a, P, A, K>,
        held: Held,
        owner: String,
        entered: Entered,
    ) -> Result<Self, CommitError> {
        let mut tick = Self {
            around,
            entered,
            stage: Stage::new(&owner),
            owner,
            held,
            execution: None,
            running: FuturesUnordered::new(),
            calls: BTreeMap::new(),
            starting: BTreeSet::new(),
            posting: Posting::default(),
            progress: None,
            reports: Rc::default(),
            holes: Holes::new(),
            looked: None,
        };
        let (engine, record) = (around.engine, tick.held.record());
        if record.control.lease.as_ref().is_some_and(|lease| lease.offered) {
            // Hardly anybody has written to what was created a moment ago.
            tick.looked = Some((Stopwatch::start(&engine.platform), engine.timing.inbox_poll));
        }
        if record.head.status.is_finished() {
            return Ok(tick);
        }
        let deaths = record.control.strikes.saturating_sub(SUSPECT);
        if deaths >= engine.limits.max_deaths {
            tick.give_up(deaths).await?;
            return Ok(tick);
        }
        tick.execution = Some(engine.replay(&tick.held.key, record, around.orchestrators).await?);
        Ok(tick)
    }

    /// Ends an instance that takes down whoever ticks it.
    async fn give_up(&mut self, deaths: u32) -> Result<(), CommitError> {
        let record = self.held.record();
        let failure = Failure::permanent(
            "PoisonedInstance",
            format!(
                "the orchestrator component trapped or fell silent {deaths} times in a row while it ran nothing but \
                 this instance, after {} events of its history. The component's log says more",
                record.control.events
            ),
        );
        tracing::error!("instance {}: {failure}", self.held.key);
        let mut next = record.clone();
        next.control.owner.clone_from(&self.owner);
        self.around.engine.fail_unreplayed(&self.held.key, &mut next, failure);
        next.control.lease = (!next.control.outbox.is_empty()).then(|| self.around.engine.lease());
        self.around.engine.commit(&mut self.held, next, WakeEntry::Keep).await
    }
}
