//! Where the components find each other: by local service chaining, under their ids in the manifest.

pub(crate) const ORCHESTRATOR: &str = "http://orchestrator.spin.internal";
pub(crate) const ACTIVITY: &str = "http://activity.spin.internal";
pub(crate) const ENTITIES: &str = "http://entities.spin.internal";
pub(crate) const SCHEDULER: &str = "http://scheduler.spin.internal";
