//! Which instances a request is about.

use longhaul::{Query, RuntimeStatus};

use crate::parameters::Parameters;

/// The instances that the parameters of a request select. None: they select none.
pub(crate) fn query(parameters: &Parameters) -> Option<Query> {
    let statuses: Option<Vec<RuntimeStatus>> = parameters.statuses("runtimeStatus");
    if statuses.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    Some(Query {
        created_from: parameters.time("createdTimeFrom"),
        created_to: parameters.time("createdTimeTo"),
        statuses: statuses.unwrap_or_default(),
        name: parameters.text("name").map(str::to_owned),
        id_prefix: parameters.text("instanceIdPrefix").map(str::to_owned),
        page_size: None,
        continuation: None,
    })
}
