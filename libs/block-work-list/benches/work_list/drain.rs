//! Nanoseconds an item: one owner loads a list, workers take every item and do nothing with it.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::Effort;
use crate::designs::{BARE, CHANNELS, NAMES, OURS, build, items};
use crate::figures::{Report, median};

const WORKERS: [usize; 4] = [1, 2, 8, 64];
/// As many rounds as give a stable median on a machine that does other things as well.
const ROUNDS_QUICK: usize = 5;
const ROUNDS_FULL: usize = 11;

#[derive(Clone, Copy)]
enum Start {
    /// The clock runs from the moment the owner holds its vector; for a channel that includes sending.
    Empty,
    /// The queue is full before the clock starts: taking alone.
    Full,
}

/// What one worker did.
struct Run {
    seen: u64,
    sum: u64,
    begun: Instant,
    ended: Instant,
}

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let (rounds, count) = match effort {
        Effort::Quick => (ROUNDS_QUICK, 200_000),
        Effort::Full => (ROUNDS_FULL, 1_000_000),
    };
    run("drain", Start::Empty, &WORKERS, rounds, count, report);
    report.print(
        "drain",
        "ns per item, from the owner's vector until the last item is worked off, by workers",
    );
    run("take", Start::Full, &[8], rounds, count, report);
    report.print(
        "take",
        "ns per item, taking alone (the queue is full before the clock starts), by workers",
    );

    for group in ["drain", "take"] {
        let ours = report.get(group, OURS, "8");
        for channel in CHANNELS {
            let limit = report.get(group, channel, "8");
            report.goal(format!("{group}, 8 workers: ns per item, against {channel}"), ours, limit);
        }
        let bare = report.get(group, BARE, "8");
        report.goal(
            format!("{group}, 8 workers: times the bare lock with an event"),
            ours / bare,
            1.3,
        );
    }
}

fn run(
    group: &'static str,
    start: Start,
    workers: &[usize],
    rounds: usize,
    count: usize,
    report: &mut Report,
) {
    for workers in workers {
        let mut samples = vec![Vec::new(); NAMES.len()];
        for round in 0..rounds {
            for turn in 0..NAMES.len() {
                let design = (turn + round) % NAMES.len();
                samples[design].push(sample(NAMES[design], start, *workers, count));
            }
        }
        for (name, samples) in NAMES.iter().zip(&samples) {
            report.add(group, name, workers.to_string(), median(samples));
        }
    }
}

/// Nanoseconds an item of one run. Panics if an item was lost or came twice.
fn sample(name: &str, start: Start, workers: usize, count: usize) -> f64 {
    let queue = build(name);
    let list = items(count);
    let last = count as u64 - 1;
    let list = match start {
        Start::Empty => Some(list),
        Start::Full => {
            queue.load(list);
            None
        }
    };
    let ready = Barrier::new(workers + 1);
    let (loaded, runs) = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    ready.wait();
                    let begun = Instant::now();
                    let (mut seen, mut sum) = (0u64, 0u64);
                    queue.work_all(&mut |item| {
                        seen += 1;
                        let data = black_box(item).data;
                        sum += data.index + data.rest[1] - data.rest[0];
                        if item.data.index == last {
                            queue.end();
                        }
                    });
                    Run { seen, sum, begun, ended: Instant::now() }
                })
            })
            .collect();
        ready.wait();
        let loaded = list.map(|list| {
            let begun = Instant::now();
            queue.load(list);
            begun
        });
        let runs: Vec<_> =
            workers.into_iter().map(|worker| worker.join().expect("no worker panics")).collect();
        (loaded, runs)
    });
    assert_eq!(
        runs.iter().map(|run| run.seen).sum::<u64>(),
        count as u64,
        "{name} lost or repeated an item"
    );
    assert_eq!(
        runs.iter().map(|run| run.sum).sum::<u64>(),
        (0..=last).sum(),
        "{name}: wrong items"
    );
    // Workers may be through with a full queue before this thread runs again: theirs is the clock then.
    let begun =
        loaded.or_else(|| runs.iter().map(|run| run.begun).min()).expect("there are workers");
    let ended = runs.iter().map(|run| run.ended).max().expect("there are workers");
    ended.duration_since(begun).as_nanos() as f64 / count as f64
}
