//! What must hold for every input. Each takes bytes and panics if its promise is broken; `fuzz/` feeds them with random
//! ones, the tests here with the seeds of `fuzz/seeds/` and with generated ones.

pub(crate) mod index;
pub(crate) mod list;
pub(crate) mod locator;
pub(crate) mod reference;
