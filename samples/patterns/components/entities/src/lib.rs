//! `POST /entities/{name}`: carries out operations on the patterns' entities.

longhaul_spin::entities!(patterns::aggregator::entities());
