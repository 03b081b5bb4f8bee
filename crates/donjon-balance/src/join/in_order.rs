//! Several threads, one order.

use std::num::NonZeroUsize;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Works on all parts with so many threads, and takes what they made in the order of the parts.
///
/// Thread t works on the parts t, t + threads, t + 2 threads …, so what comes out, and which error, depends on the parts
/// alone. At most three results for each thread are held at once: one that is made, one that waits, one that is taken.
///
/// # Errors
/// The first error in the order of the parts, of `work` or of `take`. What was taken before is all before it; the rest is
/// not taken.
///
/// # Panics
/// If `work` panics.
pub fn in_order<P: Sync, T: Send, E: Send>(
    parts: &[P],
    threads: NonZeroUsize,
    work: impl Fn(&P) -> Result<T, E> + Sync,
    take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    in_order_with(parts, threads, || (), |(), part| work(part), take)
}

/// As [`in_order`], and each thread has something of its own that `start` makes for it: what one part has taught or opened
/// serves the next, which lies behind it. What is made of a part must not depend on that.
///
/// # Errors
/// As [`in_order`].
///
/// # Panics
/// If `start` or `work` panics.
pub fn in_order_with<P: Sync, S, T: Send, E: Send>(
    parts: &[P],
    threads: NonZeroUsize,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &P) -> Result<T, E> + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let threads = threads.get().min(parts.len());
    let (start, work) = (&start, &work);
    thread::scope(|scope| {
        let spawn = |first: usize| {
            let (sender, receiver) = sync_channel(1);
            scope.spawn(move || {
                let mut own = start();
                for part in parts.iter().skip(first).step_by(threads) {
                    // Nobody listens any more once there was an error.
                    if sender.send(work(&mut own, part)).is_err() {
                        return;
                    }
                }
            });
            receiver
        };
        let receivers: Vec<_> = (0..threads).map(spawn).collect();
        for receiver in receivers.iter().cycle().take(parts.len()) {
            let Ok(result) = receiver.recv() else {
                break; // its thread panicked, and the scope passes that on
            };
            take(result?)?;
        }
        Ok(())
    })
}
