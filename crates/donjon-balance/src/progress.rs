//! How far a run is, for a terminal and for the status page.

/// Is told how far a run is. Called from several threads, often: it must be quick.
pub trait Progress: Send + Sync {
    /// A phase begins; it has `steps` steps, 0 if nobody knows.
    fn begin(&self, phase: &'static str, steps: u64);
    /// So many steps more are done.
    fn step(&self, steps: u64);
    /// So many small things more were seen: lines of an index, references, blocks.
    fn note(&self, things: u64);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _phase: &'static str, _steps: u64) {}
    fn step(&self, _steps: u64) {}
    fn note(&self, _things: u64) {}
}
