//! What every request passes before a handler sees it, and what every answer passes on its way out (spec section 2.1).

mod active;
mod answer;
mod body;
mod dispatch;
mod gate;
mod redact;
mod request_id;
mod router;
mod service;
mod tokens;

pub(crate) use active::{ActiveRequests, RequestFacts};
pub(crate) use answer::{Answer, Failure, empty, json, text};
pub(crate) use body::{Body, BodySender, Incoming, IncomingError};
pub(crate) use dispatch::Received;
pub(crate) use gate::{Gate, GateLimits, Permit, Priority};
pub(crate) use service::handle;
pub(crate) use tokens::{Tokens, is_bearer};
