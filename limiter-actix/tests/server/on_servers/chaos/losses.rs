//! What the servers have lost, as seen from their replication.

use std::mem;

use super::{
    record::{Decision, Run, Time},
    servers::Servers,
};

/// A time in which a shard has lost writes: of those before, the next primary had all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) from: Time,
    pub(super) until: Time,
    /// Whether it has lost all before, too.
    pub(super) is_total: bool,
}

impl Loss {
    /// Whether a decision may be one of those that were lost. `tail` is the time that its units may have been leased before.
    pub(super) fn may_concern(&self, decision: &Decision, tail: Time) -> bool {
        decision.answered >= self.from && decision.began <= self.until + tail
    }
}

/// A shard at a time when its replica had all writes of its primary.
#[derive(Debug)]
struct Checkpoint {
    from: Time,
    until: Time,
    /// It changes with each promotion, and with each restart of a primary.
    history: String,
    primary: usize,
    /// They change with each restart.
    runs: [String; 2],
}

/// The losses of all shards so far.
#[derive(Debug)]
pub(super) struct Losses {
    shards: Vec<Shard>,
    pub(super) all: Vec<Loss>,
}

/// What a shard was like so far.
#[derive(Debug)]
struct Shard {
    last: Checkpoint,
    /// Whether it is expected to lose all.
    is_total: bool,
    /// Whether both servers have taken themselves for the primary since then. Whichever stays it, what the other one has
    /// written is lost, and sentinels may have promoted both in turn.
    was_divided: bool,
}

impl Losses {
    /// Begins with the servers as they are. Returns `None` unless all replicas follow.
    pub(super) fn begin(servers: &Servers, run: &Run) -> Option<Self> {
        let begin = |shard| {
            let last = Checkpoint::of(servers, shard, run)?;
            Some(Shard { last, is_total: false, was_divided: false })
        };
        let shards = (0..servers.shards()).map(begin).collect::<Option<Vec<_>>>()?;
        Some(Self { shards, all: Vec::new() })
    }

    /// The place of a shard's primary, as last seen.
    pub(super) fn primary(&self, shard: usize) -> usize {
        self.shards[shard].last.primary
    }

    /// Expects that a shard loses all.
    pub(super) fn expect_total(&mut self, shard: usize) {
        self.shards[shard].is_total = true;
    }

    /// Looks at a shard. Returns whether its replica follows.
    pub(super) fn look(&mut self, servers: &Servers, shard: usize, run: &Run) -> bool {
        let Shard { last, is_total, was_divided } = &mut self.shards[shard];
        let Some(now) = Checkpoint::of(servers, shard, run) else {
            *was_divided |= servers.are_divided(shard);
            return false;
        };
        if now.history != last.history {
            let is_known = last.runs.contains(&now.runs[now.primary]);
            let is_total = mem::take(is_total) || !is_known;
            self.all.push(Loss { from: last.from, until: now.until, is_total });
        } else if *was_divided {
            self.all.push(Loss { from: last.from, until: now.until, is_total: false });
        }
        *was_divided = false;
        *last = now;
        true
    }
}

impl Checkpoint {
    /// Looks at a shard a few times, until its replica has all that its primary had at first.
    fn of(servers: &Servers, shard: usize, run: &Run) -> Option<Self> {
        let from = run.now();
        let infos = [0, 1].map(|place| servers.node(shard, place).info("replication").unwrap_or_default());
        let is_primary = infos.each_ref().map(|info| field(info, "role") == Some("master"));
        let primary = is_primary.iter().position(|is_primary| *is_primary)?;
        if is_primary[1 - primary] {
            return None;
        }
        let history = field(&infos[primary], "master_replid")?.to_owned();
        let written: u64 = field(&infos[primary], "master_repl_offset")?.parse().ok()?;
        let replica = servers.node(shard, 1 - primary);
        let has_all = || {
            let info = replica.info("replication").unwrap_or_default();
            let received = field(&info, "slave_repl_offset").and_then(|offset| offset.parse::<u64>().ok());
            field(&info, "role") == Some("slave")
                && field(&info, "master_link_status") == Some("up")
                && field(&info, "master_replid") == Some(&history)
                && received.is_some_and(|received| received >= written)
        };
        if !(0..TRIES).any(|_| has_all()) {
            return None;
        }
        let run_of = |place| {
            let info = servers.node(shard, place).info("server")?;
            field(&info, "run_id").map(str::to_owned)
        };
        Some(Self { from, until: run.now(), runs: [run_of(0)?, run_of(1)?], history, primary })
    }
}

/// Returns the histories of all servers, which change with each promotion. Returns `None` while one does not answer, or both
/// servers of a shard take themselves for the primary.
pub(super) fn histories(servers: &Servers) -> Option<Vec<String>> {
    let mut histories = Vec::new();
    for shard in 0..servers.shards() {
        if servers.are_divided(shard) {
            return None;
        }
        for place in [0, 1] {
            let info = servers.node(shard, place).info("replication")?;
            histories.push(field(&info, "master_replid")?.to_owned());
        }
    }
    Some(histories)
}

/// Replication takes about as long as a question.
const TRIES: usize = 20;

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}
