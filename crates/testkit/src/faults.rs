//! Volumes that fail: decorators around a volume that works.

mod around;
mod fail_nth;
mod short_write;

pub use around::{Around, Call, Hook};
pub use fail_nth::{FailNth, Fault, Plan};
pub use short_write::{Cut, ShortWrite};
