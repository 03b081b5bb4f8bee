//! Microseconds from one item on an empty list until a waiting worker has it.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::Effort;
use crate::designs::{NAMES, build, items};
use crate::figures::{Report, percentile};

const WAITERS: [usize; 3] = [1, 8, 64];
/// Long enough for a worker to be asleep again; nothing but the figure depends on it.
const PAUSE: Duration = Duration::from_micros(200);

pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let (rounds, turns) = match effort {
        Effort::Quick => (100, 1),
        Effort::Full => (150, 3),
    };
    for waiters in WAITERS {
        let mut samples = vec![Vec::new(); NAMES.len()];
        for _ in 0..turns {
            for (name, samples) in NAMES.iter().zip(&mut samples) {
                run(name, waiters, rounds, samples);
            }
        }
        for (name, samples) in NAMES.iter().zip(&samples) {
            report.add("wake", name, format!("{waiters} p50"), percentile(samples, 50.0));
            report.add("wake", name, format!("{waiters} p99"), percentile(samples, 99.0));
        }
    }
    report.print(
        "wake",
        "wake-up: from one item on an empty list until a worker has it, µs, by waiting workers",
    );
}

fn run(name: &str, waiters: usize, rounds: usize, samples: &mut Vec<f64>) {
    let queue = build(name);
    let (taken, times) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..waiters {
            let taken = taken.clone();
            let queue = &queue;
            scope.spawn(move || {
                while queue
                    .work_one(&mut |_| taken.send(Instant::now()).expect("the owner listens"))
                {
                }
            });
        }
        for _ in 0..rounds {
            thread::sleep(PAUSE);
            let item = items(1);
            let begun = Instant::now();
            queue.load(item);
            let taken = times.recv().expect("a worker lives");
            samples.push(taken.duration_since(begun).as_nanos() as f64 / 1e3);
        }
        queue.end();
    });
}
