use crate::strategy::Numbers;

/// The further numbers of entries whose counts need more than four, at the places of the entries.
///
/// Only the chunks in which there are such entries are allocated. The place is known before the entry is read, so the
/// processor loads both at once.
#[derive(Debug, Default)]
pub(super) struct MoreNumbers {
    chunks: Vec<Option<Box<[Numbers; CHUNK]>>>,
}

/// The number of places in a chunk.
const CHUNK: usize = 32;

impl MoreNumbers {
    /// Returns the numbers at a place. They are meaningless if the entry there needs no more than four.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Numbers {
        let chunk = self.chunks.get(place / CHUNK).and_then(Option::as_ref);
        chunk.map_or_else(Numbers::default, |chunk| chunk[place % CHUNK])
    }

    /// Returns the numbers at a place. It allocates only before the first entry of a chunk has more than four.
    #[inline]
    pub(super) fn get_mut(&mut self, place: usize) -> &mut Numbers {
        let index = place / CHUNK;
        if index >= self.chunks.len() {
            self.chunks.resize_with(index + 1, || None);
        }
        &mut self.chunks[index].get_or_insert_with(|| Box::new([Numbers::default(); CHUNK]))[place % CHUNK]
    }

    /// Frees the chunks behind so many entries, except one.
    pub(super) fn truncate(&mut self, entries: usize) {
        self.chunks.truncate(entries.div_ceil(CHUNK) + 1);
    }
}
