//! The scripts. Each is put together from what its call needs: what is not there costs no time.

use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

use parking_lot::Mutex;

use crate::Strategy;

mod straight;

pub(super) use self::straight::Shape;

/// Stands in all keys and changes whenever what is stored does, so that no script meets a value that another
/// one has written.
pub(super) const VERSION: u32 = 1;

/// A script of the server.
pub(super) struct Script {
    pub(super) code: String,
    /// By which the server knows it once it has seen it.
    pub(super) hash: String,
}

/// What a script does.
#[derive(Clone, Copy)]
pub(super) enum Task {
    Decide,
    Refund,
    Clear,
}

/// Some of the strategies.
#[derive(Clone, Copy, Default)]
pub(super) struct Strategies(usize);

/// By their numbers. Each file begins with what its records mean, and has a section for each thing to be done with
/// one, whose variables are `a`, `b`, `c` and the like.
const STRATEGIES: [&str; 5] = [
    include_str!("script/fixed_window.lua"),
    include_str!("script/elastic_window.lua"),
    include_str!("script/moving_window.lua"),
    include_str!("script/sliding_window.lua"),
    include_str!("script/token_bucket.lua"),
];

const BEGIN: &str = include_str!("script/begin.lua");
const COUNTS: &str = include_str!("script/counts.lua");
const HITS: &str = include_str!("script/hits.lua");
const DECIDE: &str = include_str!("script/decide.lua");

impl Strategies {
    const SETS: usize = 1 << STRATEGIES.len();

    pub(super) fn add(&mut self, strategy: Strategy) {
        self.0 |= 1 << (Self::number(strategy) - 1);
    }

    /// By which the scripts know a strategy.
    pub(super) fn number(strategy: Strategy) -> u8 {
        match strategy {
            Strategy::FixedWindow => 1,
            Strategy::FixedWindowElasticExpiry => 2,
            Strategy::MovingWindow => 3,
            Strategy::SlidingWindowCounter => 4,
            Strategy::TokenBucket => 5,
        }
    }

    fn iter(self) -> impl Iterator<Item = Strategy> {
        Strategy::ALL.into_iter().filter(move |it| self.0 & (1 << (Self::number(*it) - 1)) != 0)
    }

    /// What these strategies add to a script as functions.
    fn functions(self) -> String {
        self.iter().map(|it| section(it, "functions")).collect()
    }

    /// `code` with the sections of these strategies in it, of which the variable `strategy` chooses one.
    fn fill(self, code: &str) -> String {
        ["look", "take", "give back"]
            .iter()
            .fold(code.to_owned(), |code, name| code.replace(&format!("--[[{name}]]"), &self.choice(name)))
    }

    fn choice(self, name: &str) -> String {
        let cases = self.iter().filter(|it| *it != Strategy::MovingWindow).map(|strategy| {
            let code = section(strategy, name).replace(['$', '@'], "");
            format!("if strategy == {} then\n{code}\nend\n", Self::number(strategy))
        });
        cases.collect()
    }
}

/// A section of the file of a strategy. That of a moving window is all one section, of functions.
fn section(strategy: Strategy, name: &str) -> &'static str {
    let file = STRATEGIES[usize::from(Strategies::number(strategy)) - 1];
    if strategy == Strategy::MovingWindow {
        return if name == "functions" { file } else { "" };
    }
    let mut sections = file.split("--- ").skip(1).filter_map(|section| section.split_once('\n'));
    sections.find(|(title, _)| *title == name).map_or("", |(_, code)| code)
}

impl Script {
    /// The script that does `task` with counts of these strategies.
    pub(super) fn new(task: Task, strategies: Strategies) -> &'static Self {
        static MADE: [[OnceLock<Script>; Strategies::SETS]; 3] =
            [const { [const { OnceLock::new() }; Strategies::SETS] }; 3];
        let end = match task {
            Task::Decide => DECIDE,
            Task::Refund => include_str!("script/refund.lua"),
            Task::Clear => include_str!("script/clear.lua"),
        };
        MADE[task as usize][strategies.0].get_or_init(|| {
            let functions = strategies.functions();
            Self::of([BEGIN, HITS, COUNTS, &functions, &strategies.fill(end)].concat())
        })
    }

    /// The script that decides limits of this shape, with nothing else about them.
    pub(super) fn straight(shape: &Shape) -> &'static Self {
        static MADE: LazyLock<Mutex<HashMap<Shape, &'static Script>>> = LazyLock::new(Mutex::default);
        // There are few shapes in a program, and 4196 at all: one to four limits, each of four strategies and in any
        // of the scopes of those before it or in another.
        MADE.lock()
            .entry(shape.clone())
            .or_insert_with(|| Box::leak(Box::new(Self::of(straight::code(shape)))))
    }

    fn of(code: String) -> Self {
        let hash = redis::Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }
}
