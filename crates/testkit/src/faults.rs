//! Volumes that fail: decorators around a volume that works.

mod fail_nth;
mod short_write;

pub use fail_nth::{Call, FailNth, Fault};
pub use short_write::ShortWrite;
