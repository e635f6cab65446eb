//! Policies in a frame: the texts that make them, and their id.

use std::num::NonZeroU64;

use super::{
    bytes::{Bytes, Put},
    error::LoadStateError,
};
use crate::{Policy, Quota, Strategy, TimeZone};

const KEEP_USED: u8 = 1;
const METERED: u8 = 2;

pub(super) fn put(frame: &mut Vec<u8>, policy: &Policy) {
    frame.put_u64(policy.id());
    frame.put_text(&policy.quota().to_string());
    frame.put_text(policy.strategy().name());
    frame.put_text(policy.label());
    frame.put_u64(if policy.strategy() == Strategy::TokenBucket { policy.capacity() } else { 0 });
    let keep_used = if policy.keeps_used() { KEEP_USED } else { 0 };
    frame.put(&[keep_used | if policy.is_metered() { METERED } else { 0 }]);
    let zone = policy.calendar().map(|calendar| calendar.zone().to_string());
    frame.put_text(&zone.unwrap_or_default());
}

pub(super) fn read(frame: &mut Bytes<'_>) -> Result<Policy, LoadStateError> {
    let id = frame.u64()?;
    let policy = parse(frame)?.filter(|policy| policy.id() == id);
    // Limits are hashed in another way by another version.
    policy.ok_or(LoadStateError::Damaged("a limit is unknown to this version"))
}

fn parse(frame: &mut Bytes<'_>) -> Result<Option<Policy>, LoadStateError> {
    let (quota, strategy, label) = (frame.text()?, frame.text()?, frame.text()?);
    let (burst, flags, zone) = (frame.u64()?, frame.u8()?, frame.text()?);
    let (Ok(quota), Ok(strategy)) = (quota.parse::<Quota>(), strategy.parse::<Strategy>()) else {
        return Ok(None);
    };
    let policy = Policy::new(quota, strategy)
        .with_label(label)
        .with_keep_used(flags & KEEP_USED != 0)
        .with_metered(flags & METERED != 0);
    let policy = match NonZeroU64::new(burst) {
        Some(burst) => policy.with_burst(burst).ok(),
        None => Some(policy),
    };
    let policy = policy.filter(|policy| policy.check().is_ok());
    Ok(match (policy, zone) {
        (Some(policy), "") => Some(policy),
        (Some(policy), zone) => zone.parse::<TimeZone>().ok().map(|zone| policy.with_time_zone(zone)),
        (None, _) => None,
    })
}
