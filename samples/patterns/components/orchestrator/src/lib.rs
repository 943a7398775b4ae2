//! `POST /tick/{key}`: advances an instance of one of the patterns.

longhaul_spin::orchestrator!(patterns::orchestrators());
