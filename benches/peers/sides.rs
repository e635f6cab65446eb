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
    /// Whether it remembers each hit, and so cannot take plenty of one client.
    pub keeps_hits: bool,
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
        Self { name, configuration, keeps_keys: true, keeps_hits: false, decide }
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

/// Makes a side.
pub type Maker = fn(Setting) -> Side;

/// What makes each side.
pub fn makers() -> impl Iterator<Item = Maker> {
    ours::MAKERS.iter().chain(peers::MAKERS).copied()
}

/// All sides, always in the same order.
#[must_use]
pub fn sides(setting: Setting) -> Vec<Side> {
    makers().map(|maker| maker(setting)).collect()
}

/// The address of the `n`th client, another one for each. They lie scattered as those of real clients do: in a row
/// they would spread too evenly over tables whose hash keeps differences, as ours does.
#[inline]
#[must_use]
pub fn address(client: u32) -> IpAddr {
    let mixed = (client ^ client >> 16).wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ mixed >> 13).wrapping_mul(0xc2b2_ae35);
    IpAddr::V4(Ipv4Addr::from_bits(mixed ^ mixed >> 16))
}
