//! The back ends, through their public face, on real files.

mod contract;
mod disk;
mod durability;
mod faults;
mod full;
mod index;
mod layout;
mod model;
mod races;
mod root;
mod sweep;
