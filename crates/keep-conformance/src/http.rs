//! A small HTTP/1.1 client of our own: odd methods, half-sent bodies, stalls, and strict reading of answers.
//!
//! Invariant: it knows nothing of Keep. A library would hide what the cases are about: mis-framed answers,
//! connections dropped without an answer, an answer before the request's end.

mod connection;
mod error;
mod origin;
mod request;
mod response;

pub(crate) use connection::{Client, Connection};
pub use error::HttpError;
pub use origin::{BadUrl, Origin};
pub(crate) use request::{Body, Request};
pub(crate) use response::{End, Response};
