//! The engine over the component's store, opened once for each component instance.

mod settings;

use std::cell::RefCell;
use std::rc::Rc;

use longhaul::{Engine, Limits, StoreError, TaskHub, Timing};
use thiserror::Error;

use crate::platform::SpinPlatform;
use crate::variables::{self, UnreadableVariable};

pub use settings::MalformedVariable;

thread_local! {
    static ENGINE: RefCell<Option<Rc<Engine<SpinPlatform>>>> = const { RefCell::new(None) };
}

/// The label of the store that holds the task hub.
const STORE: &str = "default";
/// The task hub where the variable `task_hub` is not set.
const DEFAULT_HUB: &str = "longhaul";

/// Why there is no engine.
#[derive(Debug, Error)]
pub enum HubError {
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A variable is malformed.
    #[error(transparent)]
    Variable(#[from] MalformedVariable),
    /// A variable cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadableVariable),
}

/// The engine of the task hub that the variable `task_hub` names, in the store `default`.
///
/// The component's variables, each of which may be left out:
///
/// | variable | what it is | without it |
/// | --- | --- | --- |
/// | `task_hub` | the name under which the instances are kept in the store | `longhaul` |
/// | `idle_poll` | the longest rest of the scheduler, such as `30s`: for stores that several hosts share | `off` |
/// | `max_payload` | the longest input, output or event, in bytes of JSON | `8388608` |
/// | `activities_in_flight` | how many activities of one instance run at the same time | `64` |
/// | `activity_budget` | how long a call of an activity should take before it answers *continue*; `off`: no limit | `20s` |
///
/// # Errors
/// When the store does not open, or a variable is malformed or cannot be read.
pub async fn engine() -> Result<Rc<Engine<SpinPlatform>>, HubError> {
    if let Some(engine) = ENGINE.with_borrow(Clone::clone) {
        return Ok(engine);
    }
    let hub = set("task_hub").await?.unwrap_or_else(|| DEFAULT_HUB.to_owned());
    let (timing, limits) = (timing().await?, limits().await?);
    let engine = Engine::new(SpinPlatform::open(STORE).await?, TaskHub::new(hub));
    let engine = Rc::new(engine.with_timing(timing).with_limits(limits));
    // Whoever was faster meanwhile is the one whose ticks know of each other.
    Ok(ENGINE.with_borrow_mut(|slot| slot.get_or_insert(engine).clone()))
}

async fn timing() -> Result<Timing, HubError> {
    let mut timing = Timing::default();
    if let Some(text) = set("idle_poll").await? {
        timing.idle_poll = settings::duration_or_off("idle_poll", &text)?;
    }
    Ok(timing)
}

async fn limits() -> Result<Limits, HubError> {
    let mut limits = Limits::default();
    if let Some(text) = set("max_payload").await? {
        limits.max_payload = settings::count("max_payload", &text)?;
    }
    if let Some(text) = set("activities_in_flight").await? {
        limits.in_flight = settings::count("activities_in_flight", &text)?;
    }
    if let Some(text) = set("activity_budget").await? {
        limits.activity_budget = settings::duration_or_off("activity_budget", &text)?;
    }
    Ok(limits)
}

/// The value of a variable that is set to something.
async fn set(name: &str) -> Result<Option<String>, UnreadableVariable> {
    Ok(Some(variables::read(name).await?).filter(|text| !text.is_empty()))
}
