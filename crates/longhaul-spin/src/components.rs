//! Where the components find each other: by local service chaining, under their ids in the manifest.

pub(crate) const ORCHESTRATOR: &str = "orchestrator.spin.internal";
pub(crate) const ACTIVITY: &str = "activity.spin.internal";
pub(crate) const ENTITIES: &str = "entities.spin.internal";
pub(crate) const SCHEDULER: &str = "scheduler.spin.internal";
