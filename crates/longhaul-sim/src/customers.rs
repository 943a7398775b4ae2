//! Those who signal entities, and who clean them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use jiff::SignedDuration;
use longhaul::{EntityId, Json, Platform};

use crate::bank::{Line, Parcel, Way, entity};
use crate::process::OUTSIDE;
use crate::world::World;

/// A signal that a customer has sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What it was.
    pub line: Line,
    /// In whose book it belongs.
    pub to: EntityId,
    /// Whether the customer was told that it is accepted.
    pub acknowledged: bool,
}

/// The customers of a run. Clones are the same ones.
#[derive(Clone)]
pub struct Customers {
    world: World,
    sent: Rc<RefCell<Vec<Sent>>>,
    busy: Rc<Cell<u32>>,
}

/// Where there is what.
pub const VAULTS: u64 = 3;
/// See [`VAULTS`].
pub const RELAYS: u64 = 2;

impl Customers {
    /// No customers yet.
    pub fn new(world: &World) -> Self {
        Self { world: world.clone(), sent: Rc::default(), busy: Rc::default() }
    }

    /// What was sent.
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.borrow().clone()
    }

    /// Whether some still have something to send.
    pub fn are_busy(&self) -> bool {
        self.busy.get() > 0
    }

    /// The book in which nobody locks anything.
    pub fn book() -> EntityId {
        entity("vault", 1000)
    }

    /// Sends a customer, who sends signals one after the other.
    pub fn send(&self, number: u64, until: Duration) {
        let exec = self.world.exec();
        let who = format!("customer-{number}");
        let ways = exec.below(4);
        let (to, relay) = (self.any_target(ways), entity("relay", exec.below(RELAYS)));
        self.busy.set(self.busy.get() + 1);
        let here = self.clone();
        exec.clone().spawn(OUTSIDE, async move {
            let exec = here.world.exec();
            exec.sleep(exec.up_to(Duration::from_secs(10))).await;
            for n in 0..6 + exec.below(10) as u32 {
                let way = match ways {
                    0 | 1 if exec.chance(0.2) => Way::Any,
                    0 | 1 => Way::Direct,
                    2 => Way::Relayed,
                    _ => Way::Any,
                };
                // Half of the time whatever comes next comes at once.
                let amount = i64::from(to != Self::book());
                let line = Line { who: who.clone(), n, way, amount, section: None };
                let later = (way == Way::Any && ways < 2).then(|| exec.up_to(Duration::from_secs(60)));
                let through = (ways >= 2).then(|| (relay.clone(), ways == 3));
                here.signal(line, &to, through, later).await;
                if exec.chance(0.5) {
                    exec.sleep(exec.up_to(Duration::from_secs(8))).await;
                }
                if exec.now() > until {
                    break;
                }
            }
            here.busy.set(here.busy.get() - 1);
        });
    }

    fn any_target(&self, ways: u64) -> EntityId {
        match ways {
            0 => entity("vault", self.world.exec().below(VAULTS)),
            _ => Self::book(),
        }
    }

    /// Sends one signal, once.
    async fn signal(
        &self,
        line: Line,
        to: &EntityId,
        through: Option<(EntityId, bool)>,
        later: Option<Duration>,
    ) {
        let at = self.sent.borrow().len();
        self.sent.borrow_mut().push(Sent { line: line.clone(), to: to.clone(), acknowledged: false });
        let (addressee, operation, input) = match through {
            None => (to.clone(), "book", Json::of(&line)),
            Some((relay, by_orchestration)) => {
                let parcel = Parcel { to: to.clone(), line, by_orchestration };
                (relay, "pass", Json::of(&parcel))
            }
        };
        let input = input.expect("it has a JSON form");
        let world = self.world.clone();
        let answered = self.world.ask(|client, answer| async move {
            let engine = world.engine(client);
            let due = later
                .map(|later| engine.platform().now() + SignedDuration::try_from(later).expect("a minute"));
            let Ok(told) = engine.signal_entity(&addressee, operation, input, due).await else {
                let _ = answer.send(false);
                return;
            };
            world.processes().note(client, || format!("acknowledges a signal to {}", told.key));
            let _ = answer.send(true);
            let weather = world.weather();
            if !world.exec().chance(weather.no_tick) {
                world.kick_tick(&told.key, &told.tick);
            }
            if !world.exec().chance(weather.no_scheduler) {
                world.kick_scheduler_if_needed(client, &told.scheduler);
            }
        });
        if answered.await == Some(true) {
            self.sent.borrow_mut()[at].acknowledged = true;
        }
    }

    /// Sends somebody who cleans entities again and again.
    pub fn send_cleaner(&self, until: Duration) {
        let here = self.clone();
        self.busy.set(self.busy.get() + 1);
        self.world.exec().clone().spawn(OUTSIDE, async move {
            let exec = here.world.exec();
            while exec.now() < until {
                exec.sleep(exec.up_to(Duration::from_secs(4))).await;
                let world = here.world.clone();
                // Whatever comes of it.
                here.world
                    .ask::<(), _>(|client, answer| async move {
                        let limit = Duration::from_secs(20);
                        let cleaned = world.engine(client).clean_entities(true, true, None, limit).await;
                        world.processes().note(client, || format!("cleans entities: {cleaned:?}"));
                        let _ = answer.send(());
                    })
                    .await;
            }
            here.busy.set(here.busy.get() - 1);
        });
    }
}
