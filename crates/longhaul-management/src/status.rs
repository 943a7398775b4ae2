//! Showing an instance.

use http::header::{HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};
use longhaul::projection::{Options, StatusDocument};
use longhaul::{Details, Platform, RuntimeStatus, Wanted};

use crate::answers::{Body, json};
use crate::components::Components;
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::request::Admitted;
use crate::service::Management;

/// The seconds after which whoever looks is to look again, as in Azure.
const RETRY_AFTER_SECONDS: u32 = 5;

/// How an instance is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) history: bool,
    pub(crate) options: Options,
    pub(crate) error_on_failure: bool,
}

impl Shown {
    pub(crate) fn of(parameters: &Parameters) -> Self {
        let flag = |name| parameters.flag(name).unwrap_or(false);
        Self {
            history: flag("showHistory"),
            options: Options {
                show_history_output: flag("showHistoryOutput"),
                show_input: parameters.flag("showInput").unwrap_or(true),
                show_event_ids: flag("showEventIds"),
            },
            error_on_failure: flag("returnInternalServerErrorOnFailure"),
        }
    }
}

impl<P: Platform, C: Components> Management<'_, P, C> {
    pub(crate) async fn status(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let id = request.instance()?;
        let shown = Shown::of(&request.parameters);
        let wanted = Wanted { input: shown.options.show_input, output: true, history: shown.history };
        let details = self.engine.details(&id, wanted).await?.ok_or(Refusal::NotFound)?;
        if let Some(concern) = self.engine.concern(&details.head) {
            self.components.see_to(details.key.clone(), concern);
        }
        self.shown(request, &details, shown)
    }

    /// The status of an instance as an answer.
    pub(crate) fn shown(
        &self,
        request: &Admitted,
        details: &Details,
        shown: Shown,
    ) -> Result<Response<Body>, Refusal> {
        let head = &details.head;
        let status = match head.status {
            status if !status.is_finished() => StatusCode::ACCEPTED,
            RuntimeStatus::Failed if shown.error_on_failure => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::OK,
        };
        let mut response = json(status, &StatusDocument::of(details, shown.options));
        if status == StatusCode::ACCEPTED {
            let now = self.engine.platform().now();
            let uri = request.own_uri(self.settings, self.hub(), &head.id, now)?;
            let location = HeaderValue::try_from(uri);
            let location = location.map_err(|error| Refusal::BadArgument(format!("the URI: {error}")))?;
            response.headers_mut().insert(LOCATION, location);
            response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        }
        Ok(response)
    }
}
