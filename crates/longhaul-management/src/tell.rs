//! Telling an instance something: events, terminate, suspend, resume, rewind.

use http::{Response, StatusCode};
use longhaul::{InstanceId, Platform};

use crate::answers::{Body, empty};
use crate::components::Components;
use crate::content;
use crate::operations::Operation;
use crate::refusal::Refusal;
use crate::request::Admitted;
use crate::service::Management;

impl<P: Platform, C: Components> Management<'_, P, C> {
    pub(crate) async fn raise_event(
        &self,
        request: &Admitted,
        body: &[u8],
    ) -> Result<Response<Body>, Refusal> {
        let id = request.instance()?;
        let name = request.name("eventName")?;
        let data = match request.says_json() {
            true => content::json(body, request.base),
            false => Err(Refusal::NotJson),
        };
        let data = match data {
            Ok(data) => data,
            // That there is no such instance, or no longer, is said first.
            Err(refusal) => return Err(self.missing_or_finished(&id).await?.unwrap_or(refusal)),
        };
        let told = self.engine.raise_event(&id, name, data).await?;
        self.components.tell(told);
        Ok(empty(StatusCode::ACCEPTED))
    }

    async fn missing_or_finished(&self, id: &InstanceId) -> Result<Option<Refusal>, Refusal> {
        Ok(match self.engine.lookup(id).await? {
            None => Some(Refusal::NotFound),
            Some(found) => found.head.status.is_finished().then_some(Refusal::Gone),
        })
    }

    pub(crate) async fn told(&self, request: &Admitted) -> Result<Response<Body>, Refusal> {
        let id = request.instance()?;
        let reason = request.parameters.text("reason").unwrap_or_default();
        let told = match request.operation {
            Operation::Terminate => self.engine.terminate(&id, reason).await?,
            Operation::Suspend => self.engine.suspend(&id, reason).await?,
            Operation::Resume => self.engine.resume(&id, reason).await?,
            _ => self.engine.rewind(&id, reason).await?,
        };
        self.components.tell(told);
        Ok(empty(StatusCode::ACCEPTED))
    }
}
