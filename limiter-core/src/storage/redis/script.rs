//! The scripts. Each consists only of the parts that its call needs, so that the server does not run the others.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use parking_lot::Mutex;

mod shape;
mod source;
mod specialised;

use self::source::{BEGIN, CLEAR, DECIDE, HITS, REFUND, RENEW, counts};
pub(super) use self::{
    shape::{BatchShape, HitRole, HitShape},
    source::Strategies,
};

/// The version of the stored contents, which is part of all keys.
///
/// It changes with the contents, so that no script reads a value that another version has written.
pub(super) const VERSION: u32 = 1;

/// A script of the server.
pub(super) struct Script {
    pub(super) code: String,
    /// The hash by which the server finds the script once it has loaded it.
    pub(super) hash: String,
}

/// The task of a script.
#[derive(Clone, Copy)]
pub(super) enum ScriptTask {
    Decide,
    Refund,
    Renew,
    Clear,
}

impl Script {
    /// Returns the script that performs `task` on counts of these strategies.
    pub(super) fn new(task: ScriptTask, strategies: Strategies) -> &'static Self {
        static SCRIPTS: [[OnceLock<Script>; Strategies::SETS]; 4] =
            [const { [const { OnceLock::new() }; Strategies::SETS] }; 4];
        let end = match task {
            ScriptTask::Decide => DECIDE,
            ScriptTask::Refund => REFUND,
            ScriptTask::Renew => RENEW,
            ScriptTask::Clear => CLEAR,
        };
        SCRIPTS[task as usize][strategies.index()].get_or_init(|| {
            let functions = strategies.functions();
            Self::from_code([BEGIN, HITS, &functions, &counts(strategies), &strategies.fill(end)].concat())
        })
    }

    /// Returns the script specialised for batches of this shape, or `None` if there are too many of them.
    pub(super) fn specialised(shape: &BatchShape) -> Option<&'static Self> {
        /// A program has few shapes, and each script stays on the server until that ends.
        const MAX_SCRIPTS: usize = 256;
        static SCRIPTS: LazyLock<Mutex<HashMap<BatchShape, &'static Script>>> = LazyLock::new(Mutex::default);
        let mut scripts = SCRIPTS.lock();
        if let Some(script) = scripts.get(shape) {
            return Some(script);
        }
        if scripts.len() == MAX_SCRIPTS {
            return None;
        }
        let script: &'static Script = Box::leak(Box::new(Self::from_code(specialised::code(shape))));
        scripts.insert(shape.clone(), script);
        Some(script)
    }

    fn from_code(code: String) -> Self {
        let hash = redis::Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }
}
