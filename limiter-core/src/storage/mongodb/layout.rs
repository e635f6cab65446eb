//! Where the counts of some hits are kept.

use crate::{CountName, Policy, storage::Hit};

/// The documents and counts of some hits, each once.
pub(super) struct Layout<'a> {
    /// Whose documents: one for each client.
    pub(super) clients: Vec<String>,
    pub(super) counts: Vec<Count<'a>>,
    /// Of each hit, the place among the counts.
    pub(super) places: Vec<usize>,
}

/// One count.
pub(super) struct Count<'a> {
    /// The place of its document.
    pub(super) client: usize,
    /// The field of the document.
    pub(super) name: String,
    pub(super) policy: &'a Policy,
}

impl<'a> Layout<'a> {
    pub(super) fn new<'b>(hits: impl Iterator<Item = &'b Hit<'a>>) -> Self
    where
        'a: 'b,
    {
        let mut layout = Self { clients: Vec::new(), counts: Vec::new(), places: Vec::new() };
        for hit in hits {
            let name = CountName::of(hit);
            let client =
                place(&mut layout.clients, |client| client == name.client(), || name.client().into());
            let field = field(name.count());
            let is_it = |count: &Count<'_>| count.client == client && count.name == field;
            let new = || Count { client, name: field.clone(), policy: hit.policy };
            layout.places.push(place(&mut layout.counts, is_it, new));
        }
        layout
    }

    /// The count of a hit, by its place among the hits.
    pub(super) fn count(&self, hit: usize) -> &Count<'a> {
        &self.counts[self.places[hit]]
    }

    /// The counts of one document, with their places.
    pub(super) fn of(&self, client: usize) -> impl Iterator<Item = (usize, &Count<'a>)> {
        self.counts.iter().enumerate().filter(move |(_, count)| count.client == client)
    }
}

fn place<T>(all: &mut Vec<T>, is_it: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> usize {
    all.iter().position(is_it).unwrap_or_else(|| {
        all.push(new());
        all.len() - 1
    })
}

/// The name of a count without the dots that lead from field to field. Nothing else in it has a meaning, and no
/// other name becomes the same, since `%2E` stands in none.
fn field(name: &str) -> String {
    name.replace('.', "%2E")
}
