use super::{CHARGE, Call, HitArguments};
use crate::storage::redis::script::{BatchShape, HitRole, HitShape};

impl Call {
    /// Returns the shape of the batch, if a script can be specialised for it.
    pub(super) fn shape(&self) -> Option<BatchShape> {
        let is_shadow = |hit: &HitArguments| hit.extra[1] == 1;
        let is_charge = |hit: &HitArguments| hit.extra[1] == CHARGE;
        if self.hits[..self.sizes[0]].iter().any(is_shadow) || self.hits.iter().any(is_charge) {
            return None;
        }
        let hits = self.hits.iter().zip(&self.places).enumerate();
        BatchShape::of(hits.map(|(place, (hit, count))| HitShape {
            strategy: hit.strategy,
            is_calendar: hit.is_calendar,
            key: small(hit.key),
            count: small(*count),
            role: self.role(place, hit.extra),
        }))
    }

    fn role(&self, place: usize, [_, shadow, only_after]: [u64; 3]) -> HitRole {
        let [guards, limits] = self.sizes;
        match place {
            _ if place < guards => HitRole::Guard,
            _ if place >= guards + limits => {
                HitRole::OnRefusal { only_after: only_after.checked_sub(1).map(small) }
            }
            _ if shadow == 1 => HitRole::Shadow,
            _ => HitRole::Limit,
        }
    }
}

/// Converts a place. Larger ones are beyond any shape.
fn small(place: impl TryInto<u8>) -> u8 {
    place.try_into().unwrap_or(u8::MAX)
}
