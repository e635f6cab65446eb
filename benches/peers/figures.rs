use std::env;

/// How many rounds to run: as many as told by `cargo bench`, and one when it is only to be seen that it works.
#[must_use]
pub fn rounds(of_a_bench: usize) -> usize {
    if env::args().any(|arg| arg == "--bench") { of_a_bench } else { 1 }
}

/// What each round has measured of each side, by columns.
///
/// What compares sides compares within a round first and takes the median of that: a round in which the machine
/// was slow was slow to all of them.
pub struct Figures<const COLUMNS: usize> {
    columns: [&'static str; COLUMNS],
    sides: Vec<(String, [Vec<f64>; COLUMNS])>,
}

impl<const COLUMNS: usize> Figures<COLUMNS> {
    #[must_use]
    pub fn new(columns: [&'static str; COLUMNS], sides: impl IntoIterator<Item = String>) -> Self {
        let none = || [const { Vec::new() }; COLUMNS];
        Self { columns, sides: sides.into_iter().map(|name| (name, none())).collect() }
    }

    /// Adds what the present round has measured.
    pub fn push(&mut self, side: usize, column: usize, figure: f64) {
        self.sides[side].1[column].push(figure);
    }

    #[must_use]
    pub fn columns(&self) -> [&'static str; COLUMNS] {
        self.columns
    }

    /// Each side by its number and name.
    pub fn sides(&self) -> impl Iterator<Item = (usize, &str)> {
        self.sides.iter().map(|(name, _)| name.as_str()).enumerate()
    }

    /// Where the side of this name stands.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn side(&self, name: &str) -> usize {
        let found = self.sides().find(|(_, other)| *other == name);
        found.unwrap_or_else(|| panic!("there is no side {name}")).0
    }

    /// What the rounds have measured, in their order.
    #[must_use]
    pub fn rounds(&self, side: usize, column: usize) -> &[f64] {
        &self.sides[side].1[column]
    }

    #[must_use]
    pub fn median(&self, side: usize, column: usize) -> f64 {
        median(self.rounds(side, column).iter().copied())
    }

    /// How many times as much as another side.
    #[must_use]
    pub fn ratio(&self, side: usize, base: usize, column: usize) -> f64 {
        median(self.pairs(side, base, column).map(|(figure, base)| figure / base))
    }

    /// How much more than another side.
    #[must_use]
    pub fn addition(&self, side: usize, base: usize, column: usize) -> f64 {
        median(self.pairs(side, base, column).map(|(figure, base)| figure - base))
    }

    fn pairs(&self, side: usize, base: usize, column: usize) -> impl Iterator<Item = (f64, f64)> {
        let figures = self.rounds(side, column).iter().copied();
        figures.zip(self.rounds(base, column).iter().copied())
    }
}

/// The one in the middle; not a number when there are none.
#[must_use]
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_compared_within_a_round() {
        let mut figures = Figures::new(["us"], ["base", "other"].map(String::from));
        // The third round was slow to both.
        for (base, other) in [(10.0, 12.0), (11.0, 13.2), (30.0, 36.0)] {
            figures.push(0, 0, base);
            figures.push(1, 0, other);
        }
        let (base, other) = (figures.side("base"), figures.side("other"));
        assert!((figures.median(other, 0) - 13.2).abs() < 1e-9);
        assert!((figures.ratio(other, base, 0) - 1.2).abs() < 1e-9);
        assert!((figures.addition(other, base, 0) - 2.2).abs() < 1e-9);
    }
}
