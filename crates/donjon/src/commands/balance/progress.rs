//! How far a run is, on a terminal.

use std::sync::Mutex;

use donjon_balance::progress::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Before the first phase, and while one follows the other.
const BETWEEN: &str = "{spinner} {elapsed}";
/// A phase of which nobody knows how long it is.
const UNCOUNTED: &str = "{spinner} {prefix}: {msg} seen, {elapsed}";
/// A phase with its steps.
const COUNTED: &str = "{prefix} {wide_bar} {pos}/{len}, {msg} seen, {elapsed}";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are well-formed")
}

/// Draws the current phase on stderr, if that is a terminal.
pub(super) struct Drawn {
    bar: ProgressBar,
    things: Mutex<u64>,
}

impl Drawn {
    pub(super) fn new() -> Self {
        Drawn::at(ProgressDrawTarget::stderr())
    }

    fn at(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target).with_style(style(BETWEEN));
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        Drawn { bar, things: Mutex::new(0) }
    }
}

impl Progress for Drawn {
    fn begin(&self, phase: &'static str, steps: u64) {
        *self.things.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = 0;
        // Each change may be drawn at once: no figure of the phase before is shown beside one of the new phase.
        self.bar.set_style(style(BETWEEN));
        self.bar.set_position(0);
        self.bar.set_length(steps);
        self.bar.set_message("0");
        self.bar.set_style(style(if steps == 0 { UNCOUNTED } else { COUNTED }));
        self.bar.set_prefix(phase);
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps every line it was ever given.
    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<String>>);

    impl TermLike for Kept {
        fn width(&self) -> u16 {
            100
        }
        fn move_cursor_up(&self, _n: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _n: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _n: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _n: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(line)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(&format!("{text}\n"));
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_line_mixes_one_phase_with_the_next() {
        let kept = Kept::default();
        // Every change is drawn, however fast they come.
        let drawn = Drawn::at(ProgressDrawTarget::term_like(Box::new(kept.clone())));
        drawn.begin("indexes", 8);
        drawn.step(8);
        drawn.begin("clear", 0);
        drawn.begin("decide", 3);
        drawn.step(1);
        drop(drawn);
        let lines = kept.0.lock().unwrap().clone();
        assert!(lines.contains(" 0/8, 0 seen") && lines.contains("clear: 0 seen"), "{lines}");
        for wrong in ["0/0", ",  seen", "8/3", "8/0", "0/3, 8"] {
            assert!(!lines.contains(wrong), "{wrong}: {lines}");
        }
    }
}
