//! Microseconds to replace a list while eight workers drain it as fast as they can.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use block_work_list::BlockWorkList;

use crate::Effort;
use crate::designs::{BARE, BareCondvar, BareEvent, OURS, Replaceable, item, items};
use crate::figures::{Report, percentile};

const WORKERS: usize = 8;
/// A list, and what happens between one replace and the next. None must be drained in that time: to wake workers is
/// another figure.
#[derive(Clone, Copy)]
struct Load {
    length: usize,
    label: &'static str,
    pace: Duration,
    /// What a worker does with an item: so many pauses of the processor.
    work: usize,
}

const LOADS: [Load; 3] = [
    Load { length: 10_000, label: "10 K", pace: Duration::from_micros(200), work: 200 },
    Load { length: 1_000_000, label: "1 M", pace: Duration::from_micros(200), work: 0 },
    Load { length: 10_000_000, label: "10 M", pace: Duration::from_micros(200), work: 0 },
];

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let (replaces, turns) = match effort {
        Effort::Quick => (100, 2),
        Effort::Full => (250, 2),
    };
    for load in LOADS {
        let mut ours = Samples::default();
        let mut bare = Samples::default();
        let mut condvar = Samples::default();
        for _ in 0..turns {
            run(&BlockWorkList::new(), load, replaces, &mut ours);
            run(&BareEvent::new(), load, replaces, &mut bare);
            run(&BareCondvar::new(), load, replaces, &mut condvar);
        }
        ours.add(OURS, load.label, report);
        bare.add(BARE, load.label, report);
        condvar.add("bare std Mutex<VecDeque> + Condvar", load.label, report);
    }
    report.print("replace", "replace under load, 8 workers: µs of the call");
    report.print("as vector", "the same, until the old items are a vector again: µs");
    report.print("first new", "from the call until a worker has the first new item: µs");

    report.goal(
        "replace of 10 M items under load: p50, µs",
        report.get("as vector", OURS, "10 M p50"),
        2.0,
    );
    report.goal(
        "replace of 10 M items under load: p99, µs",
        report.get("as vector", OURS, "10 M p99"),
        200.0,
    );
}

/// Microseconds, one of each for every replace.
#[derive(Default)]
struct Samples {
    call: Vec<f64>,
    as_vector: Vec<f64>,
    first_new: Vec<f64>,
}

impl Samples {
    fn add(&self, design: &str, label: &str, report: &mut Report) {
        let groups = [
            ("replace", &self.call),
            ("as vector", &self.as_vector),
            ("first new", &self.first_new),
        ];
        for (group, samples) in groups {
            report.add(group, design, format!("{label} p50"), percentile(samples, 50.0));
            report.add(group, design, format!("{label} p99"), percentile(samples, 99.0));
            report.add(group, design, format!("{label} max"), percentile(samples, 100.0));
        }
    }
}

fn run<Q: Replaceable>(queue: &Q, load: Load, replaces: usize, samples: &mut Samples) {
    let epoch = Instant::now();
    // For each list, when the first worker saw an item of it: nanoseconds after the epoch.
    let first_seen: Vec<AtomicU64> = (0..=replaces + 1).map(|_| AtomicU64::new(u64::MAX)).collect();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut current = 0;
                while let Some(generation) = queue.work_one_numbered() {
                    if generation != current {
                        current = generation;
                        first_seen[index(generation)]
                            .fetch_min(nanos(epoch.elapsed()), Ordering::AcqRel);
                    }
                    (0..load.work).for_each(|_| spin_loop());
                }
            });
        }
        let mut next = items(load.length);
        let (_, old) = queue.replace(items(load.length));
        drop(old);
        for _ in 0..replaces {
            thread::sleep(load.pace);
            let begun = Instant::now();
            let (generation, old) = queue.replace(next);
            let call = begun.elapsed();
            next = Q::into_vec(old);
            let as_vector = begun.elapsed();

            samples.call.push(micros(call));
            samples.as_vector.push(micros(as_vector));
            let begun = nanos(begun.duration_since(epoch));
            samples.first_new.push(
                (wait_for(&first_seen[index(generation)]).saturating_sub(begun)) as f64 / 1e3,
            );
            // Old items are as good as new ones: only those that were claimed must be made again.
            next.extend((next.len()..load.length).map(|index| item(index as u64)));
        }
        queue.stop();
    });
}

fn wait_for(seen: &AtomicU64) -> u64 {
    loop {
        match seen.load(Ordering::Acquire) {
            u64::MAX => thread::yield_now(),
            nanos => return nanos,
        }
    }
}

fn index(generation: u64) -> usize {
    usize::try_from(generation).expect("some hundred generations")
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("a benchmark takes less than 500 years")
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}
