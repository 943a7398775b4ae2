//! What the API needs from the application's other components.

use std::rc::Rc;

use longhaul::{Concern, InstanceKey, KickError, Registered, Started, Told};

/// The application's other components.
#[allow(async_fn_in_trait)]
pub trait Components {
    /// Has a new instance run, and looked after. It goes on by itself: what is lost of it, the scheduler finds.
    fn run(&self, started: Started);

    /// The same, and resolves when it is worth while to look what has become of the instance: when its tick has ended, or
    /// can no longer be waited for.
    async fn run_to_end(&self, started: Started);

    /// Has an instance act on what it was told. It goes on by itself, too.
    fn tell(&self, told: Told);

    /// Does what is to be done about an instance that somebody has looked at. It goes on by itself, too.
    fn see_to(&self, key: InstanceKey, concern: Concern);

    /// Wakes the scheduler, and answers when it is awake.
    ///
    /// # Errors
    /// When it does not answer.
    async fn wake_scheduler(&self) -> Result<(), KickError>;

    /// Which orchestrator functions there are, as far as is known here.
    fn known(&self) -> Option<Rc<Registered>>;

    /// Takes `recalled` for the functions that there are until the orchestrator component has said more, which it is asked
    /// to, and has that [remembered](longhaul::Engine::remember_functions). It goes on by itself.
    fn learn(&self, recalled: Registered);

    /// Asks which orchestrator functions there are.
    ///
    /// # Errors
    /// When the orchestrator component does not answer.
    async fn registered(&self) -> Result<Registered, KickError>;
}
