//! The index of a mount: one line per block, and an empty line that says it is complete (spec section 2.7).

mod line;
mod reader;

pub use line::{BadIndexLine, IndexLine};
pub use reader::{IndexError, IndexProblem, IndexReader};
