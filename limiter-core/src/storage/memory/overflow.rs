use super::counters::Counters;

/// The counts of entries whose counts do not fit into their numbers.
#[derive(Debug, Default)]
pub(super) struct Overflow {
    counters: Vec<Counters>,
    /// The unused places in `counters`.
    free: Vec<usize>,
}

impl Overflow {
    /// Adds the counts of an entry; returns their place, which never changes.
    pub(super) fn insert(&mut self, counters: Counters) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.counters.push(Counters::default());
            self.counters.len() - 1
        });
        self.counters[place] = counters;
        place
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.counters[place] = Counters::default();
        self.free.push(place);
    }

    pub(super) fn get(&self, place: usize) -> &Counters {
        &self.counters[place]
    }

    pub(super) fn get_mut(&mut self, place: usize) -> &mut Counters {
        &mut self.counters[place]
    }
}
