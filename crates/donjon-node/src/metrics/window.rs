//! A summary whose quantiles are those of the last samples.

use std::collections::VecDeque;

/// Samples that the quantiles are computed from.
const KEPT: usize = 1_000;

/// Quantiles of the Go program's queue metrics (spec section 9).
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// Counts and sums all samples, and keeps the last thousand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    count: u64,
    sum: f64,
    last: VecDeque<f64>,
}

impl Window {
    /// Adds a sample.
    pub(crate) fn push(&mut self, sample: f64) {
        self.count += 1;
        self.sum += sample;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(sample);
    }

    /// Samples ever.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    /// Quantiles of the last samples; none if there was no sample.
    pub(crate) fn quantiles(&self) -> Vec<(f64, f64)> {
        let mut sorted: Vec<f64> = self.last.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |rank: f64| {
            sorted
                .iter()
                .enumerate()
                .find(|(place, _)| (*place + 1) as f64 >= rank)
                .map(|(_, v)| *v)
        };
        QUANTILES.into_iter().filter_map(|q| Some((q, at(q * sorted.len() as f64)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_last_samples() {
        let mut window = Window::default();
        assert!(window.quantiles().is_empty());
        (0..5_000).for_each(|_| window.push(9.0));
        (1..=1_000).for_each(|n| window.push(f64::from(n)));
        assert_eq!(window.count(), 6_000);
        assert_eq!(window.quantiles(), [(0.5, 500.0), (0.9, 900.0), (0.95, 950.0), (0.99, 990.0)]);
    }
}
