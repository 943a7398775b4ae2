//! `POST /tick/{key}`: advances an instance of one of the application's orchestrator functions.

longhaul_spin::orchestrator!(async_query::query::orchestrators());
