//! Purging instances.

use std::time::Duration;

use http::{Response, StatusCode};
use longhaul::{Platform, Query};
use serde_json::json as value;

use crate::answers::{Body, json};
use crate::components::Components;
use crate::filter;
use crate::refusal::Refusal;
use crate::request::Admitted;
use crate::service::Management;

/// For how long one request purges. What is left is for the next.
const PURGE_TIME: Duration = Duration::from_secs(20);

impl<P: Platform, C: Components> Management<'_, P, C> {
    pub(crate) async fn purge(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        self.engine.purge(&request.instance()?, recursive(request)).await?;
        Ok(json(StatusCode::OK, &value!({ "instancesDeleted": 1 })))
    }

    pub(crate) async fn purge_many(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let continuation = request.continuation(self.settings, self.hub())?;
        let parameters = &request.parameters;
        let created_from = parameters.time("createdTimeFrom").ok_or(Refusal::WithoutBeginning)?;
        // What is deleted is not to depend on whether a word was spelled right.
        for (name, is_known) in [
            ("runtimeStatus", parameters.statuses("runtimeStatus").is_some()),
            ("createdTimeTo", parameters.time("createdTimeTo").is_some()),
        ] {
            if parameters.text(name).is_some() && !is_known {
                return Err(Refusal::BadArgument(format!(
                    "{name} says nothing that is known: nothing was purged"
                )));
            }
        }
        let query = filter::query(parameters).ok_or(Refusal::NotFound)?;
        let now = self.engine.platform().now();
        let query = Query {
            created_from: Some(created_from),
            created_to: query.created_to.or(Some(now)),
            continuation,
            ..query
        };
        let purged = self.engine.purge_where(&query, recursive(request), PURGE_TIME).await?;
        if purged.deleted == 0 && purged.continuation.is_none() {
            return Err(Refusal::NotFound);
        }
        let mut response = json(StatusCode::OK, &value!({ "instancesDeleted": purged.deleted }));
        self.say_where_to_go_on(&mut response, purged.continuation);
        Ok(response)
    }
}

fn recursive(request: &Admitted) -> bool {
    request.parameters.flag("recursive").unwrap_or(false)
}
