//! A vector that grows without moving its elements.

use std::ops::{Index, IndexMut};

/// A vector of chunks of one size.
///
/// It allocates at most two chunks more than it needs, and growth copies nothing.
#[derive(Debug)]
pub(super) struct ChunkedVec<T> {
    chunks: Vec<Box<[T; CHUNK]>>,
    len: usize,
}

/// The number of elements in a chunk. With fewer, the list of chunks would be less often in the cache of the processor.
const CHUNK: usize = 128;

impl<T: Copy + Default> ChunkedVec<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Appends an element; returns its place.
    pub(super) fn push(&mut self, element: T) -> usize {
        let place = self.len;
        if place == self.chunks.len() * CHUNK {
            self.chunks.push(Box::new([T::default(); CHUNK]));
        }
        self.len += 1;
        self[place] = element;
        place
    }

    /// Removes an element; the last one moves to its place.
    pub(super) fn swap_remove(&mut self, place: usize) -> T {
        let removed = self[place];
        self.len -= 1;
        self[place] = self[self.len];
        // Keeps one empty chunk: otherwise an element that comes and goes at its edge would allocate each time.
        self.chunks.truncate(self.len.div_ceil(CHUNK) + 1);
        removed
    }
}

impl<T> Index<usize> for ChunkedVec<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: usize) -> &T {
        &self.chunks[place / CHUNK][place % CHUNK]
    }
}

impl<T> IndexMut<usize> for ChunkedVec<T> {
    #[inline]
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.chunks[place / CHUNK][place % CHUNK]
    }
}

impl<T> Default for ChunkedVec<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}
