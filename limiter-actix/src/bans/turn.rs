//! The turn of a ban by rule.

use std::{collections::HashSet, sync::Arc};

use parking_lot::Mutex;

/// The bans by rule that tasks of this process are at.
#[derive(Default)]
pub(crate) struct BanTurns(Mutex<HashSet<RuledBan>>);

/// The turn of a task that bans a client by rule in this process. It ends when this is dropped.
///
/// Of breaches that are decided together, more than one may look like the one that bans. They are one ban.
pub(crate) struct BanTurn {
    turns: Arc<BanTurns>,
    of: RuledBan,
}

/// A ban by a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RuledBan {
    /// The name of the client.
    pub(crate) name: String,
    /// The rule and its limit.
    pub(crate) reason: String,
    /// Set while the task waits for another one. It has a turn of its own then, so that it is in nobody's way.
    pub(crate) is_late: bool,
}

/// The number of turns from which on no task begins to wait. Clients under many keys could have one each.
const MAX_TURNS: usize = 4096;

impl BanTurn {
    /// Begins the turn. Returns `None` if another task has it, or if too many wait.
    pub(crate) fn begin(turns: &Arc<BanTurns>, ban: &RuledBan) -> Option<Self> {
        let mut known = turns.0.lock();
        let may_begin = !ban.is_late || known.len() < MAX_TURNS;
        (may_begin && known.insert(ban.clone())).then(|| Self { turns: Arc::clone(turns), of: ban.clone() })
    }
}

impl Drop for BanTurn {
    fn drop(&mut self) {
        self.turns.0.lock().remove(&self.of);
    }
}
