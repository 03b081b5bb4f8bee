//! Acts that must not be cut in the middle.
//!
//! The server drops the future of a request whose client leaves, whose deadline passes, or whose stream is reset. What
//! that future had begun on a volume or a disk goes on in a thread of its own: its guard would be released too early,
//! its record not written, and memory would not follow the disk.

/// Does `work` in a task of its own, which runs to its end also when nobody waits for it any more.
///
/// # Panics
/// If `work` does.
///
/// # Cancel safety
/// Dropping the future after its first poll changes nothing: `work` goes on.
pub(crate) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending, and this future with it.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests;
