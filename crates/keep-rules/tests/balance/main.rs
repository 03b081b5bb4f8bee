//! The balancer's decision: the cases of `balance-cases.json`, and properties over random clusters.

mod cases;
mod vectors;
