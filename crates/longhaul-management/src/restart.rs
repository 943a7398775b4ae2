//! Starting instances once more.

use http::Response;
use longhaul::{InstanceId, Platform};
use serde::Deserialize;

use crate::answers::Body;
use crate::components::Components;
use crate::content;
use crate::refusal::Refusal;
use crate::request::Admitted;
use crate::service::Management;
use crate::start::wait;

/// The body of `restartWithOptions`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    new_instance_id: Option<String>,
    version: Option<String>,
}

impl<P: Platform, C: Components> Management<'_, P, C> {
    pub(crate) async fn restart(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let id = request.instance()?;
        let wait = wait(request)?;
        let new_id = request.parameters.flag("restartWithNewInstanceId").unwrap_or(true);
        let started = self.engine.restart(&id, new_id).await?;
        self.started(request, started, wait).await
    }

    pub(crate) async fn restart_with_options(
        &self,
        request: &Admitted,
        body: &[u8],
    ) -> Result<Response<Body>, Refusal> {
        let id = request.instance()?;
        let wait = wait(request)?;
        let body: Option<Options> =
            content::json(body, request.base)?.to().map_err(|error| Refusal::NoJson(error.to_string()))?;
        let body = body.unwrap_or_default();
        let said = |name| request.parameters.text(name).map(str::to_owned);
        let target = said("newInstanceId").or(body.new_instance_id);
        let target = target.ok_or_else(|| Refusal::BadArgument("newInstanceId is missing".into()))?;
        let target = InstanceId::new(target)?;
        let version = said("version").or(body.version);
        let started = self.engine.restart_as(&id, &target, version).await?;
        self.started(request, started, wait).await
    }
}
