//! For tests only: the contract suite of volumes, volumes that fail, blocks to store.

pub mod blocks;
pub mod faults;
pub mod volume_contract;
