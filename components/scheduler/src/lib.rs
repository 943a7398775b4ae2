//! `POST /run`: looks after the task hub for as long as anything is due.

longhaul_spin::scheduler!();
