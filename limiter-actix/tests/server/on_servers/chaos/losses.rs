//! What the servers have lost, as seen from their replication.

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
    last: Vec<Checkpoint>,
    is_total: Vec<bool>,
    pub(super) all: Vec<Loss>,
}

impl Losses {
    /// Begins with the servers as they are. Returns `None` unless all replicas follow.
    pub(super) fn begin(servers: &Servers, run: &Run) -> Option<Self> {
        let last =
            (0..servers.shards()).map(|shard| checkpoint(servers, shard, run)).collect::<Option<Vec<_>>>()?;
        Some(Self { is_total: vec![false; last.len()], last, all: Vec::new() })
    }

    /// The place of a shard's primary, as last seen.
    pub(super) fn primary(&self, shard: usize) -> usize {
        self.last[shard].primary
    }

    /// Expects that a shard loses all.
    pub(super) fn expect_total(&mut self, shard: usize) {
        self.is_total[shard] = true;
    }

    /// Looks at a shard. Returns whether its replica follows.
    pub(super) fn look(&mut self, servers: &Servers, shard: usize, run: &Run) -> bool {
        let Some(now) = checkpoint(servers, shard, run) else { return false };
        let last = &self.last[shard];
        if now.history != last.history {
            let is_known = last.runs.contains(&now.runs[now.primary]);
            let is_total = std::mem::take(&mut self.is_total[shard]) || !is_known;
            self.all.push(Loss { from: last.from, until: now.until, is_total });
        }
        self.last[shard] = now;
        true
    }
}

/// Looks at a shard a few times, until its replica has all that its primary had at first.
fn checkpoint(servers: &Servers, shard: usize, run: &Run) -> Option<Checkpoint> {
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
    Some(Checkpoint { from, until: run.now(), runs: [run_of(0)?, run_of(1)?], history, primary })
}

/// Replication takes about as long as a question.
const TRIES: usize = 20;

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}
