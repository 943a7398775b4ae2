//! Starting instances, and waiting for their ends.

use std::time::Duration;

use http::{Response, StatusCode};
use longhaul::{Creation, Found, Platform, Reuse, RuntimeStatus, Start, Started, Wanted};

use crate::answers::{Body, text};
use crate::components::Components;
use crate::content;
use crate::links::Linked;
use crate::payload::check_status_response;
use crate::refusal::{Refusal, already_exists};
use crate::request::{Admitted, Grant};
use crate::service::Management;
use crate::status::Shown;

/// The longest that an answer is held back. Azure's load balancers cut what is silent for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(230);

impl<P: Platform, C: Components> Management<'_, P, C> {
    pub(crate) async fn start(&self, request: &Admitted, body: &[u8]) -> Result<Response<Body>, Refusal> {
        let name = request.name("functionName")?;
        let id = request.chosen_instance()?;
        let version = request.parameters.text("version").map(str::to_owned);
        let wait = wait(request)?;
        let input = content::json(body, request.base)?;
        self.check_function(name, version.as_deref()).await?;
        let start = Start { version, ..Start::new(name, input) };
        let started = match id {
            None => self.engine.start(start).await?,
            Some(id) => match self.engine.start_with_id(&id, start, Reuse::Finished).await? {
                Creation::Created(started) => started,
                Creation::Exists { found, adopted } => {
                    if let Some(adopted) = adopted {
                        self.components.run(adopted);
                    }
                    return Err(already_exists(found.head.status));
                }
            },
        };
        self.started(request, started, wait).await
    }

    /// Has a new instance run, waits for its end if that was asked for, and answers where to find it otherwise.
    pub(crate) async fn started(
        &self,
        request: &Admitted,
        started: Started,
        wait: Option<Duration>,
    ) -> Result<Response<Body>, Refusal> {
        let Started { id, key, .. } = &started;
        let (id, key) = (id.clone(), key.clone());
        let head = match wait {
            Some(wait) => {
                let tick = self.components.run_to_end(started);
                self.engine.wait_until_finished_or(&key, wait, tick).await?
            }
            None => {
                self.components.run(started);
                None
            }
        };
        if let Some(head) = head
            && head.status.is_finished()
        {
            let wanted = Wanted { input: true, output: true, history: false };
            // It may be gone again.
            let found = Found { key, head };
            let details = self.engine.reveal(found, wanted).await?.ok_or(Refusal::NotFound)?;
            return match details.head.status {
                RuntimeStatus::Completed => {
                    let output = details.output.unwrap_or_default();
                    Ok(text(StatusCode::OK, output.to_string()))
                }
                _ => self.shown(request, &details, Shown::of(&request.parameters)),
            };
        }
        let links = request.links(self.settings, self.hub())?;
        let payload = match request.grant {
            Grant::Key => links.payload(&id, self.engine.platform().now()),
            // Who came by a link that restarts gets no more than that, and to see what comes of it.
            Grant::Link { expires } => {
                links.payload_until(&id, expires).only(&[Linked::Status, Linked::Restart])
            }
        };
        let payload = match Shown::of(&request.parameters).error_on_failure {
            true => payload.with_internal_server_error_on_failure(),
            false => payload,
        };
        Ok(check_status_response(&payload).map(Body::Whole))
    }

    async fn check_function(&self, name: &str, version: Option<&str>) -> Result<(), Refusal> {
        match self.components.known() {
            Some(known) if known.has(name, version) => return Ok(()),
            Some(_) => {}
            // A new instance of this component does not wait for the orchestrator, which may have much to do.
            None => {
                let recalled = self.engine.recall_functions().await.unwrap_or_else(|error| {
                    tracing::warn!("the functions are not recalled: {error}");
                    None
                });
                if let Some(recalled) = recalled.filter(|recalled| recalled.has(name, version)) {
                    self.components.learn(recalled);
                    return Ok(());
                }
            }
        }
        // The application may have been deployed anew.
        let failed =
            |error| Refusal::Failed(format!("whether there is the function '{name}' is unknown: {error}"));
        let registered = self.components.registered().await.map_err(failed)?;
        if let Err(error) = self.engine.remember_functions(&registered).await {
            tracing::warn!("the functions are not remembered: {error}");
        }
        if registered.has(name, version) {
            return Ok(());
        }
        let names = registered.names().collect::<Vec<_>>();
        let known = match names.as_slice() {
            [] => "No orchestrator functions are currently registered!".to_owned(),
            names => format!("The following are the known orchestrator functions: '{}'.", names.join("', '")),
        };
        let of_version = version.map(|version| format!(" for version '{version}'")).unwrap_or_default();
        Err(Refusal::BadArgument(format!(
            "The function '{name}' doesn't exist{of_version}, is disabled, or is not an orchestrator function. \
             Additional info: {known}"
        )))
    }
}

/// For how long to wait for the end, if at all.
pub(crate) fn wait(request: &Admitted) -> Result<Option<Duration>, Refusal> {
    let seconds = |name| request.parameters.seconds(name);
    match (seconds("timeout"), seconds("pollingInterval")) {
        (Some(timeout), Some(interval)) if interval > timeout => Err(Refusal::BadArgument(
            "Total timeout should be bigger than the polling interval: timeout is below pollingInterval"
                .into(),
        )),
        (timeout, _) => Ok(timeout.map(|timeout| timeout.min(LONGEST_WAIT))),
    }
}
