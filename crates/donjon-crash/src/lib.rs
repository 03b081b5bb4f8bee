//! Kills a real node with `SIGKILL` at random points, starts it again, and checks what it had promised.
//!
//! Nothing here shares code with the node: the requests, the rules for what must still be there and the look at the
//! disk are written a second time, from `docs/on-disk.md` and the protocol. So a mistake in one is not repeated in the
//! other.
//!
//! Start with [`campaign::run`]. [`process::Node`] and [`wire::Client`] also serve the benchmarks of the node.
//!
//! What this cannot show: that data outlives a loss of power. A killed process leaves what it wrote in the page cache.
//! The order of the calls that sync is proved by the tests of `keep-volume`.

pub mod block; // contents that follow from a number
pub mod books; // what was promised, and when absence is a fault: pure
pub mod campaign; // lanes, runs, the report
mod checker; // what must hold after a restart
mod clock; // the one clock
pub mod disk; // what lies in the volumes' directories
pub mod fault; // what a node did wrong
mod lane; // one node, killed again and again
mod lister; // the balancer's part: trash and pull lists
pub mod process; // a node as a child process
pub mod random; // reproducible choices
mod run; // what the threads of one run share
pub mod wire; // HTTP/1.1, as little as it takes
mod writer; // the clients' part: put, get, touch, delete, untrash
