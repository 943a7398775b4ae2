//! `POST /activities/{name}`: runs one of the patterns' activity functions.

longhaul_spin::activity!(patterns::activities());
