//! The texts of the scripts, and the parts that depend on the strategies.

use crate::{Strategy, storage::MAX_COUNTS_IN_SCOPE};

/// Some of the strategies.
#[derive(Clone, Copy, Default)]
pub(in super::super) struct Strategies(usize);

/// The files of the strategies, in the order of their numbers.
///
/// Each begins with the meaning of its records and has a section for each step, whose variables are `a`, `b`, `c`
/// and the like.
const STRATEGIES: [&str; 5] = [
    include_str!("fixed_window.lua"),
    include_str!("elastic_window.lua"),
    include_str!("moving_window.lua"),
    include_str!("sliding_window.lua"),
    include_str!("token_bucket.lua"),
];

pub(super) const BEGIN: &str = include_str!("begin.lua");
pub(super) const HITS: &str = include_str!("hits.lua");
pub(super) const DECIDE: &str = include_str!("decide.lua");
pub(super) const REFUND: &str = include_str!("refund.lua");
pub(super) const RENEW: &str = include_str!("renew.lua");
pub(super) const CLEAR: &str = include_str!("clear.lua");

/// Returns the part that keeps counts of these strategies in tables.
pub(super) fn counts(strategies: Strategies) -> String {
    let counts = include_str!("counts.lua");
    let counts = counts.replace("--[[MAX_COUNTS_IN_SCOPE]]", &MAX_COUNTS_IN_SCOPE.to_string());
    let logs = strategies.iter().filter(|it| *it == Strategy::MovingWindow).map(|strategy| {
        let steps = ["read", "look", "take", "wait", "write"];
        let log = section(strategy, "log").to_owned();
        steps
            .iter()
            .fold(log, |code, step| code.replace(&place_of(step), &unnumbered(section(strategy, step))))
    });
    counts + &logs.collect::<String>()
}

impl Strategies {
    /// The number of sets of strategies.
    pub(super) const SETS: usize = 1 << STRATEGIES.len();

    pub(in super::super) fn add(&mut self, strategy: Strategy) {
        self.0 |= 1 << (Self::number(strategy) - 1);
    }

    /// Returns the number by which the scripts identify a strategy.
    pub(in super::super) fn number(strategy: Strategy) -> u8 {
        match strategy {
            Strategy::FixedWindow => 1,
            Strategy::FixedWindowElasticExpiry => 2,
            Strategy::MovingWindow => 3,
            Strategy::SlidingWindowCounter => 4,
            Strategy::TokenBucket => 5,
        }
    }

    /// Returns a number of this set below [`SETS`](Self::SETS).
    pub(super) fn index(self) -> usize {
        self.0
    }

    fn iter(self) -> impl Iterator<Item = Strategy> {
        Strategy::ALL.into_iter().filter(move |it| self.0 & (1 << (Self::number(*it) - 1)) != 0)
    }

    /// Returns the functions that these strategies add to a script.
    pub(super) fn functions(self) -> String {
        self.iter().map(|it| section(it, "functions")).collect()
    }

    /// Returns `code` with the sections of these strategies, among which its variable `strategy` chooses.
    pub(super) fn fill(self, code: &str) -> String {
        ["look", "take", "refund"]
            .iter()
            .fold(code.to_owned(), |code, name| code.replace(&place_of(name), &self.choice(name)))
    }

    fn choice(self, name: &str) -> String {
        let cases = self.iter().filter(|it| *it != Strategy::MovingWindow).map(|strategy| {
            let code = unnumbered(section(strategy, name));
            format!("if strategy == {} then\n{code}\nend\n", Self::number(strategy))
        });
        cases.collect()
    }
}

/// Returns a section of the file of a strategy.
pub(super) fn section(strategy: Strategy, name: &str) -> &'static str {
    let file = STRATEGIES[usize::from(Strategies::number(strategy)) - 1];
    let mut sections = file.split("--- ").skip(1).filter_map(|section| section.split_once('\n'));
    sections.find(|(title, _)| *title == name).map_or("", |(_, code)| code)
}

/// Returns the comment in whose place a section goes.
fn place_of(section: &str) -> String {
    format!("--[[{section}]]")
}

/// Returns a section for a script in which one hit at a time has its variables.
fn unnumbered(section: &str) -> String {
    section.replace(['$', '@'], "")
}
