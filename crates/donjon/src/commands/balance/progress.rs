//! How far a run is, on a terminal.

use std::sync::Mutex;

use donjon_balance::progress::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Draws the current phase on stderr, if that is a terminal.
pub(super) struct Drawn {
    bar: ProgressBar,
    things: Mutex<u64>,
}

impl Drawn {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::no_length();
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Drawn { bar, things: Mutex::new(0) }
    }
}

impl Progress for Drawn {
    fn begin(&self, phase: &'static str, steps: u64) {
        *self.things.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = 0;
        let template = if steps == 0 {
            "{spinner} {prefix}: {msg} seen, {elapsed}"
        } else {
            "{prefix} {wide_bar} {pos}/{len}, {msg} seen, {elapsed}"
        };
        let style = ProgressStyle::with_template(template);
        self.bar.set_style(style.unwrap_or_else(|_bad| ProgressStyle::default_bar()));
        self.bar.set_prefix(phase);
        self.bar.set_message("0");
        self.bar.set_position(0);
        if steps > 0 {
            self.bar.set_length(steps);
        }
    }

    fn step(&self, steps: u64) {
        self.bar.inc(steps);
    }

    fn note(&self, things: u64) {
        let mut sum = self.things.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = *sum;
        *sum += things;
        // Drawing costs more than counting.
        if before / 10_000 != *sum / 10_000 || things > 10_000 {
            self.bar.set_message(sum.to_string());
        }
    }
}

impl Drop for Drawn {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
