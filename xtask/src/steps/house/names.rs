//! Finds the items that paths name, through imports and re-exports.

use std::collections::HashMap;

use super::modules::{Crate, Name};

/// Deeper chains of re-exports than this are circles of names.
const MAX_HOPS: usize = 16;

/// The target of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Module(usize),
    Item(usize),
}

/// The names of a crate.
pub(super) struct Names<'a> {
    krate: &'a Crate,
    /// The files with a function of an item.
    functions: HashMap<(usize, &'a str), Vec<usize>>,
    /// The file of each method whose name is that of no other.
    methods: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(krate: &'a Crate) -> Self {
        let mut names = Self { krate, functions: HashMap::new(), methods: HashMap::new() };
        let mut methods: HashMap<&str, Vec<usize>> = HashMap::new();
        for function in &krate.functions {
            let file = krate.modules[function.module].file;
            for target in names.resolve(function.module, &function.self_type) {
                if let Target::Item(item) = target {
                    names.functions.entry((item, &function.name)).or_default().push(file);
                }
            }
            if function.is_method && !krate.shared_names.contains(&function.name) {
                methods.entry(&function.name).or_default().push(file);
            }
        }
        let alone = |(name, files): (_, Vec<usize>)| (files.len() == 1).then(|| (name, files[0]));
        names.methods = methods.into_iter().filter_map(alone).collect();
        names
    }

    /// The file of the only method of this name.
    pub(super) fn method(&self, name: &str) -> Option<usize> {
        self.methods.get(name).copied().filter(|_| !is_common(name))
    }

    /// The files that a path in a module leads to.
    pub(super) fn files(&self, module: usize, path: &[String]) -> Vec<usize> {
        let mut files = Vec::new();
        for end in (1..=path.len()).rev() {
            for target in self.resolve(module, &path[..end]) {
                let Target::Item(item) = target else { continue };
                files.push(self.krate.items[item]);
                if let Some(name) = path.get(end) {
                    files.extend(self.functions.get(&(item, name.as_str())).into_iter().flatten());
                }
            }
            if !files.is_empty() {
                break;
            }
        }
        files
    }

    /// All that a path may stand for.
    pub(super) fn resolve(&self, module: usize, path: &[String]) -> Vec<Target> {
        self.walk(module, path, 0)
    }

    fn walk(&self, module: usize, path: &[String], hops: usize) -> Vec<Target> {
        let Some((first, rest)) = path.split_first() else { return vec![Target::Module(module)] };
        if hops > MAX_HOPS {
            return Vec::new();
        }
        let parent = self.krate.modules[module].parent;
        let starts = match first.as_str() {
            "crate" => vec![Target::Module(0)],
            "self" => vec![Target::Module(module)],
            "super" => parent.map(Target::Module).into_iter().collect(),
            name => self.lookup(module, name, hops),
        };
        let mut targets = Vec::new();
        for start in starts {
            match start {
                Target::Module(next) => targets.extend(self.walk(next, rest, hops)),
                Target::Item(_) if rest.is_empty() => targets.push(start),
                Target::Item(_) => {}
            }
        }
        targets
    }

    fn lookup(&self, module: usize, name: &str, hops: usize) -> Vec<Target> {
        let krate = &self.krate.modules[module];
        if let Some(names) = krate.names.get(name) {
            return names
                .iter()
                .flat_map(|name| match name {
                    Name::Item(item) => vec![Target::Item(*item)],
                    Name::Module(module) => vec![Target::Module(*module)],
                    // A crate of the same name as the import has no items here.
                    Name::Import(path) => self.walk(module, path, hops + 1),
                })
                .collect();
        }
        let globs = krate.imports.iter().filter(|import| import.is_glob);
        globs
            .flat_map(|glob| self.walk(module, &glob.path, hops + 1))
            .flat_map(|target| match target {
                Target::Module(it) if it != module => self.walk(it, &[name.to_owned()], hops + 1),
                _ => Vec::new(),
            })
            .collect()
    }
}

/// Returns whether it is the name of methods of other crates too.
fn is_common(name: &str) -> bool {
    const COMMON: &str = "
        add all and and_then any append as_bytes as_mut as_ref as_slice as_str body borrow bytes
        chain chars check clear clone cloned cmp collect contains contains_key copied count data
        drain end entry enumerate eq err error exists extend fetch_add filter filter_map find finish
        first flat_map flush fold get get_mut handle hash headers id index insert into_inner
        into_iter is_empty is_none is_ok is_some iter iter_mut join key keys kind last len line
        lines load lock map map_err max message method min name new next now nth ok or or_else parse
        path poll pop port position push push_str read record remove replace request reserve reset
        respond retain rev run send service set skip sort source spawn split start starts_with
        status store stream sum swap take text then to_string trim truncate try_from unwrap update
        upgrade uri value values wait wake with wrap write zip
    ";
    COMMON.split_whitespace().any(|it| it == name)
}
