//! The scripts, each with all strategies, since one batch may have them all.

use std::sync::LazyLock;

/// Stands in all keys and changes whenever what is stored does, so that no script meets a value that another
/// one has written.
pub(super) const VERSION: u32 = 1;

/// A script of the server.
pub(super) struct Script {
    pub(super) code: &'static str,
    /// By which the server knows it once it has seen it.
    pub(super) hash: String,
}

/// The code of a script behind what all of them share.
macro_rules! script {
    ($name:literal) => {
        LazyLock::new(|| {
            Script::new(concat!(
                include_str!("script/prelude.lua"),
                include_str!("script/fixed_window.lua"),
                include_str!("script/elastic_window.lua"),
                include_str!("script/moving_window.lua"),
                include_str!("script/sliding_window.lua"),
                include_str!("script/token_bucket.lua"),
                include_str!($name),
            ))
        })
    };
}

pub(super) static DECIDE: LazyLock<Script> = script!("script/decide.lua");
pub(super) static GIVE_BACK: LazyLock<Script> = script!("script/give_back.lua");

impl Script {
    fn new(code: &'static str) -> Self {
        Self { code, hash: redis::Script::new(code).get_hash().to_owned() }
    }
}
