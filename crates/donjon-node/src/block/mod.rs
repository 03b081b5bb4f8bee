//! Blocks: reading, storing, touching, trashing and bringing them back.

mod admin;
mod catch_up;
mod get;
mod put;
mod reading;
mod sink;
mod upload;

pub(crate) use admin::{delete, touch, untrash};
pub(crate) use get::{get, send};
pub(crate) use put::{Source, header_text, put, store};
