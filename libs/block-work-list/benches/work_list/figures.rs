//! Figures: percentiles, tables, the wanted values, and JSON.

use std::fmt::Write as _;

/// The middle of the samples.
pub(crate) fn median(samples: &[f64]) -> f64 {
    percentile(samples, 50.0)
}

/// The smallest sample that at least `percent` of the samples do not exceed.
pub(crate) fn percentile(samples: &[f64], percent: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank between 1 and the length"
    )]
    let index = rank as usize - 1;
    sorted[index]
}

/// Everything measured, in the order it was measured.
pub(crate) struct Report {
    figures: Vec<Figure>,
    goals: Vec<Goal>,
}

struct Figure {
    group: &'static str,
    design: String,
    column: String,
    value: f64,
}

struct Goal {
    what: String,
    measured: f64,
    at_most: f64,
}

impl Report {
    pub(crate) fn new() -> Self {
        Report { figures: Vec::new(), goals: Vec::new() }
    }

    pub(crate) fn add(
        &mut self,
        group: &'static str,
        design: &str,
        column: impl Into<String>,
        value: f64,
    ) {
        self.figures.push(Figure { group, design: design.into(), column: column.into(), value });
    }

    pub(crate) fn goal(&mut self, what: impl Into<String>, measured: f64, at_most: f64) {
        self.goals.push(Goal { what: what.into(), measured, at_most });
    }

    pub(crate) fn get(&self, group: &str, design: &str, column: &str) -> f64 {
        let found = self
            .figures
            .iter()
            .find(|f| f.group == group && f.design == design && f.column == column);
        found.map_or(f64::NAN, |figure| figure.value)
    }

    /// Prints the figures of one group as a table: a row for each design, a column for each kind of figure.
    pub(crate) fn print(&self, group: &'static str, title: &str) {
        let figures = || self.figures.iter().filter(|figure| figure.group == group);
        let mut designs: Vec<&str> = Vec::new();
        let mut columns: Vec<&str> = Vec::new();
        for figure in figures() {
            if !designs.contains(&figure.design.as_str()) {
                designs.push(&figure.design);
            }
            if !columns.contains(&figure.column.as_str()) {
                columns.push(&figure.column);
            }
        }
        println!("\n{title}");
        let heads: String = columns.iter().map(|column| format!("{column:>14}")).collect();
        println!("{:<46}{heads}", "");
        for design in designs {
            let cells: String = columns
                .iter()
                .map(|column| format!("{:>14.2}", self.get(group, design, column)))
                .collect();
            println!("{design:<46}{cells}");
        }
    }

    pub(crate) fn print_goals(&self) {
        println!("\nwanted (at most) and measured");
        for Goal { what, measured, at_most } in &self.goals {
            let verdict = if measured <= at_most { "reached" } else { "MISSED" };
            println!("{what:<66}{at_most:>10.2}{measured:>12.2}  {verdict}");
        }
    }

    /// `[{"group": …, "design": …, "column": …, "value": …}, …]`
    pub(crate) fn json(&self) -> String {
        let mut json = String::from("[\n");
        for (index, Figure { group, design, column, value }) in self.figures.iter().enumerate() {
            let comma = if index + 1 == self.figures.len() { "" } else { "," };
            writeln!(
                json,
                "  {{\"group\": {group:?}, \"design\": {design:?}, \"column\": {column:?}, \"value\": {value:.3}}}{comma}"
            )
            .expect("writing to a string cannot fail");
        }
        json.push_str("]\n");
        json
    }
}
