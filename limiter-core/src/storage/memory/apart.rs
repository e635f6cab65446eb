use super::cells::Cells;

/// The counts of those entries that cannot have them as numbers.
#[derive(Debug, Default)]
pub(super) struct Apart {
    cells: Vec<Cells>,
    /// The places in `cells` that nobody has.
    free: Vec<usize>,
}

impl Apart {
    /// Returns the place of the counts, which stays the same.
    pub(super) fn insert(&mut self, cells: Cells) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.cells.push(Cells::default());
            self.cells.len() - 1
        });
        self.cells[place] = cells;
        place
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.cells[place] = Cells::default();
        self.free.push(place);
    }

    pub(super) fn get(&self, place: usize) -> &Cells {
        &self.cells[place]
    }

    pub(super) fn get_mut(&mut self, place: usize) -> &mut Cells {
        &mut self.cells[place]
    }
}
