//! `POST /tick/{key}`: advances an instance of the test application.

longhaul_spin::orchestrator!(longhaul_program::orchestrators());
