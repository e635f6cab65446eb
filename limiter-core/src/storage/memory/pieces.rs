//! A vector that grows without moving what is in it.

use std::ops::{Index, IndexMut};

/// Elements side by side, in pieces of one size: what is allocated is never more than a piece or two above what
/// is held, and no growth copies anything.
#[derive(Debug)]
pub(super) struct Pieces<T> {
    pieces: Vec<Box<[T; PIECE]>>,
    len: usize,
}

/// How many elements are allocated at once.
const PIECE: usize = 32;

impl<T: Copy + Default> Pieces<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds an element; returns its place.
    pub(super) fn push(&mut self, element: T) -> usize {
        let place = self.len;
        if place == self.pieces.len() * PIECE {
            self.pieces.push(Box::new([T::default(); PIECE]));
        }
        self.len += 1;
        self[place] = element;
        place
    }

    /// Removes an element, whose place the last one takes.
    pub(super) fn swap_remove(&mut self, place: usize) -> T {
        let removed = self[place];
        self.len -= 1;
        self[place] = self[self.len];
        // One empty piece is kept, or who comes and goes at its edge would allocate each time.
        self.pieces.truncate(self.len.div_ceil(PIECE) + 1);
        removed
    }
}

impl<T> Index<usize> for Pieces<T> {
    type Output = T;

    #[inline]
    fn index(&self, place: usize) -> &T {
        &self.pieces[place / PIECE][place % PIECE]
    }
}

impl<T> IndexMut<usize> for Pieces<T> {
    #[inline]
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.pieces[place / PIECE][place % PIECE]
    }
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self { pieces: Vec::new(), len: 0 }
    }
}
