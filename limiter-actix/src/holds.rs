//! The requests under way that count against limits of concurrent requests.

mod hit;
mod hold;
mod keeper;
mod leases;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    hit::HeldHit,
    hold::{Hold, SharedHold},
    keeper::{LeaseKeeper, link_keeper},
    leases::HeldLeases,
};
