//! The balancer's decision: the cases of `balance-cases.json`, and promises over random clusters.

mod cases;
mod cluster;
mod layouts;
mod model;
mod promises;
mod random;
mod rounds;
mod single;
mod vectors;
mod wishes;
