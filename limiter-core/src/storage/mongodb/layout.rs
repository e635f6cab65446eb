use crate::{CountName, Policy, storage::Hit};

/// The documents and counts of some hits, each listed once.
pub(super) struct BatchLayout<'a> {
    /// The names of the clients. Each has a document.
    pub(super) clients: Vec<String>,
    pub(super) counts: Vec<StoredCount<'a>>,
    /// The index of each hit's count.
    pub(super) places: Vec<usize>,
}

/// The place of a count on the server.
pub(super) struct StoredCount<'a> {
    /// The index of the client.
    pub(super) client: usize,
    /// The field of the client's document.
    pub(super) field: String,
    pub(super) policy: &'a Policy,
}

impl<'a> BatchLayout<'a> {
    pub(super) fn new<'b>(hits: impl Iterator<Item = &'b Hit<'a>>) -> Self
    where
        'a: 'b,
    {
        let mut layout = Self { clients: Vec::new(), counts: Vec::new(), places: Vec::new() };
        for hit in hits {
            let name = CountName::of(hit);
            let client =
                find_or_add(&mut layout.clients, |client| client == name.client(), || name.client().into());
            let field = field_name(name.count());
            let is_it = |count: &StoredCount<'_>| count.client == client && count.field == field;
            let new = || StoredCount { client, field: field.clone(), policy: hit.policy };
            layout.places.push(find_or_add(&mut layout.counts, is_it, new));
        }
        layout
    }

    /// Returns the count of a hit, by the index of the hit.
    pub(super) fn count(&self, hit: usize) -> &StoredCount<'a> {
        &self.counts[self.places[hit]]
    }

    /// Returns the counts in a client's document, with their indices.
    pub(super) fn of(&self, client: usize) -> impl Iterator<Item = (usize, &StoredCount<'a>)> {
        self.counts.iter().enumerate().filter(move |(_, count)| count.client == client)
    }
}

/// Returns the index of an element, which is added if it is missing.
fn find_or_add<T>(all: &mut Vec<T>, is_it: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> usize {
    all.iter().position(is_it).unwrap_or_else(|| {
        all.push(new());
        all.len() - 1
    })
}

/// Escapes the dots in the name of a count: in a path they separate fields. Names contain no `%2E`, so distinct names
/// stay distinct.
pub(super) fn field_name(name: &str) -> String {
    name.replace('.', "%2E")
}
