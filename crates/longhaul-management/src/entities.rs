//! Entities: listing them, showing and signalling one, cleaning up.

use std::time::Duration;

use http::{Response, StatusCode};
use longhaul::{EntityId, EntityQuery, EntityStatus, InvalidEntityId, Json, Platform};
use serde::Serialize;

use crate::answers::{Body, empty, json};
use crate::components::Components;
use crate::content;
use crate::operations::Operation;
use crate::refusal::Refusal;
use crate::request::Admitted;
use crate::service::Management;

/// How many entities a page has unless the request says so, and at most.
const DEFAULT_TOP: usize = 100;
const MAX_TOP: usize = 1000;
/// How long a request cleans up at most.
const CLEANING: Duration = Duration::from_secs(20);

/// An entity in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    entity_id: Named<'a>,
    last_operation_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Json>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
    key: &'a str,
}

/// What cleaning has done, with the names of Azure's own result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cleaned {
    empty_entities_removed: u64,
    orphaned_locks_released: u64,
}

impl<P: Platform, C: Components> Management<'_, P, C> {
    pub(crate) async fn list_entities(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let list = self.list_of_entities();
        let continuation = request.continuation(self.settings, &list)?;
        let parameters = &request.parameters;
        let name = match request.entity_name() {
            Some(name) => Some(EntityId::new(name, "").map_err(malformed)?.name().to_owned()),
            None => None,
        };
        let query = EntityQuery {
            name,
            last_operation_from: parameters.time("lastOperationTimeFrom"),
            last_operation_to: parameters.time("lastOperationTimeTo"),
            fetch_state: parameters.flag("fetchState").unwrap_or(false),
            include_empty: false,
            page_size: Some(parameters.count("top").unwrap_or(DEFAULT_TOP).min(MAX_TOP)),
            continuation,
        };
        let page = self.engine.list_entities(&query).await?;
        let listed: Vec<_> = page.entities.iter().map(listed).collect();
        let mut response = json(StatusCode::OK, &listed);
        self.say_where_to_go_on(&mut response, &list, page.continuation);
        Ok(response)
    }

    pub(crate) async fn entity_state(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let found = self.engine.entity(&request.entity()?).await?;
        let state = found.and_then(|entity| entity.state).ok_or(Refusal::NotFound)?;
        Ok(json(StatusCode::OK, &state))
    }

    pub(crate) async fn signal_entity(
        &self,
        request: &Admitted,
        body: &[u8],
    ) -> Result<Response<Body>, Refusal> {
        let entity = request.entity()?;
        let (operation, input) = match request.operation {
            Operation::DeleteEntity => ("delete", Json::null()),
            _ => (request.parameters.text("op").unwrap_or_default(), input(request, body)?),
        };
        let told = self.engine.signal_entity(&entity, operation, input, None).await?;
        self.components.tell(told);
        Ok(empty(StatusCode::ACCEPTED))
    }

    pub(crate) async fn clean_entities(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let cleaning = format!("{}/cleaning", self.list_of_entities());
        let continuation = request.continuation(self.settings, &cleaning)?;
        let is_wanted = |name| request.parameters.flag(name).unwrap_or(true);
        let (empty, orphaned) = (is_wanted("removeEmptyEntities"), is_wanted("releaseOrphanedLocks"));
        let cleaned = self.engine.clean_entities(empty, orphaned, continuation, CLEANING).await?;
        let done =
            Cleaned { empty_entities_removed: cleaned.removed, orphaned_locks_released: cleaned.released };
        let mut response = json(StatusCode::OK, &done);
        self.say_where_to_go_on(&mut response, &cleaning, cleaned.continuation);
        Ok(response)
    }

    /// What continuation tokens of lists of entities are good for.
    fn list_of_entities(&self) -> String {
        format!("{}/entities", self.hub())
    }
}

impl Admitted {
    /// The entity function in the path, where it may be left out.
    fn entity_name(&self) -> Option<&str> {
        self.segment_if_any("entityName")
    }

    /// The entity in the path. `$` stands for the empty key.
    fn entity(&self) -> Result<EntityId, Refusal> {
        let part = |name| self.segment_if_any(name).unwrap_or_default();
        let key = Some(part("entityKey")).filter(|key| *key != "$").unwrap_or_default();
        EntityId::new(part("entityName"), key).map_err(malformed)
    }
}

fn malformed(error: InvalidEntityId) -> Refusal {
    Refusal::BadArgument(error.to_string())
}

/// The input of a signal: JSON if it says that it is, else a text.
fn input(request: &Admitted, body: &[u8]) -> Result<Json, Refusal> {
    if request.says_json() {
        return content::json(body, request.base).map_err(|refusal| match refusal {
            Refusal::NoJson(error) => Refusal::NoJson(format!("Could not parse JSON content: {error}")),
            other => other,
        });
    }
    match body {
        [] => Ok(Json::null()),
        body => {
            let text = str::from_utf8(body).map_err(|error| Refusal::NoJson(error.to_string()))?;
            Ok(Json::text_of(text))
        }
    }
}

fn listed(entity: &EntityStatus) -> Listed<'_> {
    Listed {
        entity_id: Named { name: entity.id.name(), key: entity.id.key() },
        // With the seven digits of .NET.
        last_operation_time: format!("{:.7}", entity.last_operation),
        state: entity.state.clone(),
    }
}
