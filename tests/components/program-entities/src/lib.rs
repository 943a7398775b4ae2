//! `POST /entities/{name}`: carries out operations on the entities of programs.

longhaul_spin::entities!(longhaul_program::entities());
