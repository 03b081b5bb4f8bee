//! Blocks: reading, storing, touching, trashing and bringing them back.

mod admin;
mod catch_up;
mod explain;
mod get;
mod put;
mod reading;
mod sink;
mod trash_hit;
mod upload;

pub(crate) use admin::{delete, touch, untrash};
pub(crate) use explain::{explain, untrash_explained};
pub(crate) use get::{get, send};
pub(crate) use put::{Source, header_text, put, store};
