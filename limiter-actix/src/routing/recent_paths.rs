use std::{hash::BuildHasher, rc::Rc};

use super::prediction::Route;

/// Where the paths lead that came of late.
///
/// Each path has one place here, found by a seeded hash, and the latest to come holds it. The path stands
/// beside its route, so that no two can be taken for one, whatever they hash to.
pub(super) struct RecentPaths {
    places: Box<[Option<RecentPath>]>,
    seed: foldhash::fast::RandomState,
}

type RecentPath = (Box<str>, Rc<Route>);

/// How many paths are remembered.
const PLACES: usize = 4096;

/// Longer paths are not remembered, so that all together never take more than a mebibyte.
const MAX_PATH_LEN: usize = 256;

impl Default for RecentPaths {
    fn default() -> Self {
        Self { places: (0..PLACES).map(|_| None).collect(), seed: foldhash::fast::RandomState::default() }
    }
}

impl RecentPaths {
    #[inline]
    pub(super) fn find(&self, path: &str) -> Option<Rc<Route>> {
        let (known, route) = self.places[self.place(path)].as_ref()?;
        (**known == *path).then(|| Rc::clone(route))
    }

    pub(super) fn add(&mut self, path: &str, route: &Rc<Route>) {
        if path.len() <= MAX_PATH_LEN {
            self.places[self.place(path)] = Some((path.into(), Rc::clone(route)));
        }
    }

    fn place(&self, path: &str) -> usize {
        usize::try_from(self.seed.hash_one(path) % PLACES as u64).unwrap_or(0)
    }
}
