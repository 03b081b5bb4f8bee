//! For tests only: the contract suite of volumes, volumes that fail, histories of races, blocks to
//! store, file systems to fill or to cut, PostgreSQL servers.

pub mod blocks;
pub mod emptying;
pub mod faults;
pub mod history;
pub mod mounted;
pub mod postgres;
pub mod volume_contract;
