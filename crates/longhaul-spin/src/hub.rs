//! The engine over the component's store, opened once for each component instance.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use jiff::SignedDuration;
use longhaul::{Engine, StoreError, TaskHub, Timing};

use crate::platform::SpinPlatform;
use crate::variables;

thread_local! {
    static ENGINE: RefCell<Option<Rc<Engine<SpinPlatform>>>> = const { RefCell::new(None) };
}

/// The label of the store that holds the task hub.
const STORE: &str = "default";
/// The task hub where the variable `task_hub` is not set.
const DEFAULT_HUB: &str = "longhaul";

/// The engine of the task hub that the variable `task_hub` names, in the store `default`.
///
/// # Errors
/// When the store does not open, or a variable is malformed.
pub async fn engine() -> Result<Rc<Engine<SpinPlatform>>, StoreError> {
    if let Some(engine) = ENGINE.with_borrow(Clone::clone) {
        return Ok(engine);
    }
    let hub = variables::text_or("task_hub", DEFAULT_HUB).await;
    let timing = Timing { idle_poll: idle_poll().await?, ..Timing::default() };
    let engine =
        Rc::new(Engine::new(SpinPlatform::open(STORE).await?, TaskHub::new(hub)).with_timing(timing));
    ENGINE.with_borrow_mut(|slot| *slot = Some(engine.clone()));
    Ok(engine)
}

/// The variable `idle_poll`: a duration such as `30s`, or `off`.
async fn idle_poll() -> Result<Option<Duration>, StoreError> {
    let text = variables::text_or("idle_poll", "off").await;
    if text == "off" {
        return Ok(None);
    }
    let malformed =
        || StoreError(format!("the variable idle_poll is '{text}': write a duration such as 30s, or off"));
    let duration: SignedDuration = text.parse().map_err(|_| malformed())?;
    Duration::try_from(duration).ok().filter(|duration| !duration.is_zero()).map(Some).ok_or_else(malformed)
}
