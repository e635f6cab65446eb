//! What decides in memory: ours, peers, and a map without any limiter as the floor.

use std::net::{IpAddr, Ipv4Addr};

mod ours;
mod peers;

/// Decides whether the `n`th client is admitted.
type Decide = Box<dyn Fn(u32) -> bool + Sync>;

/// Something that decides about clients in this process.
pub struct Side {
    pub name: String,
    /// How it is set up.
    pub configuration: &'static str,
    /// Whether it remembers each client, and so takes memory for each.
    pub keeps_keys: bool,
    /// How many hits of one client it takes when it admits plenty.
    pub most_hits: u32,
    decide: Decide,
}

impl Side {
    #[inline]
    #[must_use]
    pub fn decide(&self, client: u32) -> bool {
        (self.decide)(client)
    }

    fn new(
        name: impl Into<String>,
        configuration: &'static str,
        decide: impl Fn(u32) -> bool + Sync + 'static,
    ) -> Self {
        let (name, decide) = (name.into(), Box::new(decide));
        Self { name, configuration, keeps_keys: true, most_hits: u32::MAX, decide }
    }
}

/// How much a client may do, and how many clients there are.
///
/// Ours give it for 100 years and peers for an hour: ours forget whom nothing counts against any more, such as a
/// client whose bucket is full again, which would spare them the work that is to be measured.
#[derive(Clone, Copy)]
pub struct Setting {
    pub amount: u32,
    pub clients: u32,
}

/// So much that no bench comes to it, and so little that a bucket takes minutes to gain one.
pub const PLENTY: u32 = 12_000_000;

/// What the limiter that most others are compared with is called.
pub const GOVERNOR: &str = "governor by address";

/// What one limit of ours is called.
pub const ONE_LIMIT: &str = "fixed-window";

/// All sides, always in the same order.
#[must_use]
pub fn sides(setting: Setting) -> Vec<Side> {
    ours::sides(setting).into_iter().chain(peers::sides(setting)).collect()
}

fn address(client: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + client))
}
