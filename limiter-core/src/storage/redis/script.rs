//! The scripts. Each is put together from what its call needs: a strategy that is not there costs no time. What
//! most requests ask has a script of its own.

use std::sync::OnceLock;

use crate::Strategy;

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
    /// The same for limits that are all fixed windows and nothing else, in less than half the time.
    DecideFixedWindows,
    GiveBack,
}

/// Some of the strategies.
#[derive(Clone, Copy, Default)]
pub(super) struct Strategies(usize);

/// By their numbers.
const STRATEGIES: [&str; 5] = [
    include_str!("script/fixed_window.lua"),
    include_str!("script/elastic_window.lua"),
    include_str!("script/moving_window.lua"),
    include_str!("script/sliding_window.lua"),
    include_str!("script/token_bucket.lua"),
];

impl Strategies {
    const SETS: usize = 1 << STRATEGIES.len();

    pub(super) fn add(&mut self, strategy: Strategy) {
        self.0 |= 1 << (Self::number(strategy) - 1);
    }

    /// By which the scripts know a strategy.
    pub(super) fn number(strategy: Strategy) -> u64 {
        match strategy {
            Strategy::FixedWindow => 1,
            Strategy::FixedWindowElasticExpiry => 2,
            Strategy::MovingWindow => 3,
            Strategy::SlidingWindowCounter => 4,
            Strategy::TokenBucket => 5,
        }
    }

    fn code(self) -> impl Iterator<Item = &'static str> {
        let has = move |place: &usize| self.0 & (1 << place) != 0;
        (0..STRATEGIES.len()).filter(has).map(|place| STRATEGIES[place])
    }
}

impl Script {
    /// The script that does `task` with counts of these strategies.
    pub(super) fn new(task: Task, strategies: Strategies) -> &'static Self {
        static DECIDE: [OnceLock<Script>; Strategies::SETS] = [const { OnceLock::new() }; Strategies::SETS];
        static GIVE_BACK: [OnceLock<Script>; Strategies::SETS] =
            [const { OnceLock::new() }; Strategies::SETS];
        static FIXED_WINDOWS: OnceLock<Script> = OnceLock::new();
        let (made, end) = match task {
            Task::DecideFixedWindows => {
                let code = include_str!("script/fixed_windows.lua");
                return FIXED_WINDOWS.get_or_init(|| Self::of(code.to_owned()));
            }
            Task::Decide => (&DECIDE, include_str!("script/decide.lua")),
            Task::GiveBack => (&GIVE_BACK, include_str!("script/give_back.lua")),
        };
        made[strategies.0].get_or_init(|| {
            let beginning = [include_str!("script/prelude.lua")];
            Self::of(beginning.into_iter().chain(strategies.code()).chain([end]).collect())
        })
    }

    fn of(code: String) -> Self {
        let hash = redis::Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }
}
