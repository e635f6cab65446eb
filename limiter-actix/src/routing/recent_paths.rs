//! A cache of the routes of recent paths.

use std::{hash::BuildHasher, rc::Rc};

use super::route::Route;

/// The routes of recent paths.
///
/// A seeded hash maps each path to one slot, and the most recent path occupies it. The slot stores the path beside
/// its route, so that two paths with the same hash are never confused.
pub(super) struct RecentPaths {
    places: Box<[Option<RecentPath>]>,
    seed: foldhash::fast::RandomState,
}

type RecentPath = (Box<str>, Rc<Route>);

/// The number of slots.
const PLACES: usize = 4096;

/// Longer paths are not stored, so that all slots together never take more than 1 MiB.
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

    #[inline]
    fn place(&self, path: &str) -> usize {
        usize::try_from(self.seed.hash_one(path) % PLACES as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three times as many paths as slots come, so that most find another in theirs.
    #[test]
    fn a_path_finds_its_own_route_only() {
        let mut recent = RecentPaths::default();
        for number in 0..3 * PLACES {
            let path = format!("/{number}");
            let route = Rc::new(Route::new(Vec::new(), Rc::default(), Rc::default()));
            assert!(recent.find(&path).is_none(), "{path}");
            recent.add(&path, &route);
            assert!(recent.find(&path).is_some_and(|found| Rc::ptr_eq(&found, &route)), "{path}");
        }
    }

    #[test]
    fn many_paths_are_kept_at_once() {
        let mut recent = RecentPaths::default();
        let route = Rc::new(Route::new(Vec::new(), Rc::default(), Rc::default()));
        let paths: Vec<_> = (0..PLACES / 4).map(|number| format!("/{number}")).collect();
        for path in &paths {
            recent.add(path, &route);
        }
        let kept = paths.iter().filter(|path| recent.find(path).is_some()).count();
        assert!(kept > paths.len() / 2, "{kept} of {}", paths.len());
    }

    #[test]
    fn long_paths_are_not_kept() {
        let mut recent = RecentPaths::default();
        let route = Rc::new(Route::new(Vec::new(), Rc::default(), Rc::default()));
        for (length, is_kept) in [(MAX_PATH_LEN, true), (MAX_PATH_LEN + 1, false)] {
            let path = "x".repeat(length);
            recent.add(&path, &route);
            assert_eq!(recent.find(&path).is_some(), is_kept, "{length}");
        }
    }
}
