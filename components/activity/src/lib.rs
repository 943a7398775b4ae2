//! `POST /activities/{name}`: runs one of the application's activity functions.

use std::rc::Rc;

use async_query::credentials::{CredentialSettings, Kept};
use async_query::query::{Settings, activities};
use longhaul_spin::azure::{HostClock, Outbound};
use longhaul_spin::variables;

thread_local! {
    /// Tokens, settings and secrets, for as long as this instance of the component lives.
    static KEPT: Rc<Kept<Outbound, HostClock>> = Rc::default();
}

longhaul_spin::activity!({
    let settings = Settings {
        credentials: CredentialSettings::read(variables::text).await,
        table: variables::text("table_name").await,
        filter: variables::text("query_filter").await,
        column: variables::text("distinct_column").await,
        concurrency: variables::text("query_concurrency").await,
    };
    activities(Outbound, HostClock, KEPT.with(Rc::clone), settings)
});
