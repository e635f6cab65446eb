//! The scripts. Each consists only of the parts that its call needs, so that the server does not run the others.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use parking_lot::Mutex;

mod source;
mod specialised;

use self::source::{BEGIN, CLEAR, DECIDE, HITS, REFUND, counts};
pub(super) use self::{source::Strategies, specialised::BatchShape};

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
    Clear,
}

impl Script {
    /// Returns the script that performs `task` on counts of these strategies.
    pub(super) fn new(task: ScriptTask, strategies: Strategies) -> &'static Self {
        static SCRIPTS: [[OnceLock<Script>; Strategies::SETS]; 3] =
            [const { [const { OnceLock::new() }; Strategies::SETS] }; 3];
        let end = match task {
            ScriptTask::Decide => DECIDE,
            ScriptTask::Refund => REFUND,
            ScriptTask::Clear => CLEAR,
        };
        SCRIPTS[task as usize][strategies.index()].get_or_init(|| {
            let functions = strategies.functions();
            Self::from_code([BEGIN, HITS, &counts(), &functions, &strategies.fill(end)].concat())
        })
    }

    /// Returns the script specialised for batches of this shape.
    pub(super) fn specialised(shape: &BatchShape) -> &'static Self {
        static SCRIPTS: LazyLock<Mutex<HashMap<BatchShape, &'static Script>>> = LazyLock::new(Mutex::default);
        // A program has few shapes, and never more than 4196. A shape has one to four limits, each of four strategies
        // and in the scope of an earlier limit or in another one.
        SCRIPTS
            .lock()
            .entry(shape.clone())
            .or_insert_with(|| Box::leak(Box::new(Self::from_code(specialised::code(shape)))))
    }

    fn from_code(code: String) -> Self {
        let hash = redis::Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }
}
