//! The fleets that are simulated.

use std::time::Duration;

/// A fleet, its load, and the faults that it meets.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Processes.
    pub(crate) nodes: usize,
    /// Servers, each with its part of the counts.
    pub(crate) slots: usize,
    /// Counts, such as tenants. They are visited by Zipf's law with exponent 1.
    pub(crate) counts: usize,
    /// Units a window, of each count.
    pub(crate) limit: u64,
    /// Seconds.
    pub(crate) window: u32,
    /// Requests a second, of all processes.
    pub(crate) demand: u64,
    /// Processes are busy and idle in turns, each in its own.
    pub(crate) is_bursty: bool,
    pub(crate) has_leases: bool,
    pub(crate) seconds: u64,
    pub(crate) faults: Faults,
    pub(crate) planted: Planted,
}

/// The faults of a simulation. Each that is on happens about every second, somewhere.
#[expect(clippy::struct_excessive_bools, reason = "any of them may be on")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// A process cannot reach a server for a while.
    pub(crate) partitions: bool,
    /// Messages between a process and a server take fifty times as long for a while.
    pub(crate) slow_links: bool,
    /// A process ends without returning its leases, and starts anew.
    pub(crate) crashes: bool,
    /// A server ends. Its replica takes over after a while, without the last writes.
    pub(crate) failovers: bool,
    /// Clocks are wrong by up to an hour, and run too fast or too slow by up to 500 parts in a million.
    pub(crate) skew: bool,
}

/// An error planted into the protocol, to see that the simulation finds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Planted {
    #[default]
    None,
    /// Each refund is sent a second time.
    RefundsAgain,
    /// The clocks of processes are slow by a tenth, so that leases outlast their windows.
    SlowClocks,
}

impl Scenario {
    /// The time from a process to a server, which the way back takes, too.
    pub(crate) const LATENCY: Duration = Duration::from_millis(1);
    /// The time that a decision takes a server, which does one thing at a time. See docs/benchmarks.md.
    pub(crate) const SERVICE: Duration = Duration::from_micros(20);
    /// The decisions of a server in a second.
    #[cfg(test)]
    pub(crate) const CAPACITY: u64 = 1_000_000 / 20;
    /// The time until a replica has a write.
    pub(crate) const REPLICATION: Duration = Duration::from_millis(5);

    const fn fleet(
        name: &'static str,
        nodes: usize,
        slots: usize,
        counts: usize,
        limit: u64,
        demand: u64,
    ) -> Self {
        let faults =
            Faults { partitions: false, slow_links: false, crashes: false, failovers: false, skew: false };
        Self {
            name,
            nodes,
            slots,
            counts,
            limit,
            window: 1,
            demand,
            is_bursty: false,
            has_leases: true,
            seconds: 10,
            faults,
            planted: Planted::None,
        }
    }

    /// Returns the same fleet without leases.
    pub(crate) fn without_leases(&self) -> Self {
        Self { has_leases: false, ..self.clone() }
    }

    /// Returns a fleet with one count whose processes come and go in bursts. They return unused units in the middle of
    /// windows.
    pub(crate) const fn bursts(name: &'static str, faults: Faults) -> Self {
        let fleet = Self::fleet(name, 8, 1, 1, 20_000, 6000);
        Self { is_bursty: true, window: 5, faults, ..fleet }
    }

    /// Returns a fleet with one count, of which nine tenths are used. `pace` is that of each process, a second.
    pub(crate) const fn hot_count(nodes: usize, pace: u64) -> Self {
        let demand = pace * nodes as u64;
        Self { seconds: 3, ..Self::fleet("one count", nodes, 1, 1, demand * 10 / 9, demand) }
    }

    /// Returns all scenarios of the documentation.
    pub(crate) fn all() -> Vec<Self> {
        let none = Faults::default();
        let faults = Faults { skew: true, ..none };
        vec![
            Self::fleet("3 nodes, one count, demand below the limit", 3, 1, 1, 20_000, 18_000),
            Self::fleet("8 nodes, one count, demand below the limit", 8, 1, 1, 20_000, 18_000),
            Self::fleet("8 nodes, one count, twice the limit", 8, 1, 1, 20_000, 40_000),
            Self::fleet("50 nodes, one count, below the limit", 50, 1, 1, 100_000, 90_000),
            Self::fleet("50 nodes, 3 servers, 1000 tenants", 50, 3, 1000, 5_000, 100_000),
            Self {
                seconds: 3,
                ..Self::fleet("200 nodes, 12 servers, 1000 tenants", 200, 12, 1000, 5_000, 100_000)
            },
            Self::bursts("8 nodes in bursts", faults),
            Self::bursts("8 nodes in bursts, crashes", Faults { crashes: true, ..faults }),
            Self::bursts("8 nodes in bursts, slow links", Faults { slow_links: true, ..faults }),
            Self::bursts("8 nodes in bursts, partitions", Faults { partitions: true, ..faults }),
            Self::bursts("8 nodes in bursts, failovers", Faults { failovers: true, ..faults }),
        ]
    }
}
