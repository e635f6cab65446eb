//! Quotas from the busiest windows of clients.

use serde::Serialize;

/// The distribution of the busiest windows of one length over clients.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Distribution {
    pub(super) p50: u64,
    pub(super) p90: u64,
    pub(super) p99: u64,
    pub(super) p99_9: u64,
    pub(super) max: u64,
}

impl Distribution {
    /// Returns the distribution of peaks, the highest first.
    pub(super) fn of(sorted: &[u64]) -> Self {
        let above =
            |per_thousand: usize| sorted.get(sorted.len() * per_thousand / 1000).copied().unwrap_or(0);
        Self { p50: above(500), p90: above(100), p99: above(10), p99_9: above(1), max: above(0) }
    }
}

/// Returns how many clients make a share, rounded down.
// A share of so few clients is exact enough.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(super) fn allowed(percent: f64, clients: usize) -> usize {
    // A tiny bit more, so that 1 % of 300 is 3.
    ((percent * clients as f64 / 100.0 + 1e-9) as usize).min(clients)
}

/// Returns the peaks of one window, the highest first.
pub(super) fn sorted<const N: usize>(peaks: &[[u64; N]], window: usize) -> Vec<u64> {
    let mut sorted: Vec<u64> = peaks.iter().map(|peaks| peaks[window]).collect();
    sorted.sort_unstable_by(|one, other| other.cmp(one));
    sorted
}

/// Returns the least round amount that at most so many clients exceed.
pub(super) fn quota(sorted: &[u64], allowed: usize) -> u64 {
    round_up(sorted.get(allowed).copied().unwrap_or(1).max(1))
}

/// Returns amounts for several windows, which at most so many clients exceed in any of them, and how many do.
pub(super) fn together<const N: usize>(
    peaks: &[[u64; N]],
    windows: &[usize],
    allowed: usize,
) -> (Vec<u64>, u64) {
    let sorted: Vec<Vec<u64>> = windows.iter().map(|window| sorted(peaks, *window)).collect();
    let amounts = |each: usize| sorted.iter().map(|sorted| quota(sorted, each)).collect::<Vec<_>>();
    let touched = |amounts: &[u64]| {
        let exceeds =
            |peaks: &&[u64; N]| windows.iter().zip(amounts).any(|(window, amount)| peaks[*window] > *amount);
        peaks.iter().filter(exceeds).count()
    };
    // The more each of them may touch, the more they touch together. With none each, they touch none.
    let (mut good, mut bad) = (0, allowed + 1);
    while bad - good > 1 {
        let middle = good.midpoint(bad);
        if touched(&amounts(middle)) <= allowed { good = middle } else { bad = middle }
    }
    let amounts = amounts(good);
    let touched = touched(&amounts) as u64;
    (amounts, touched)
}

/// Rounds up to two digits that are not zero.
fn round_up(amount: u64) -> u64 {
    let mut unit = 1;
    while amount / unit >= 100 {
        unit *= 10;
    }
    amount.div_ceil(unit) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_round() {
        let cases = [1, 99, 100, 101, 999, 1234, 123_456];
        assert_eq!(cases.map(round_up), [1, 99, 100, 110, 1000, 1300, 130_000]);
    }

    #[test]
    fn a_quota_touches_no_more_than_allowed() {
        let sorted = [50, 9, 9, 3, 1, 1, 1, 1, 1, 1];
        assert_eq!([0, 1, 2, 3, 4, 9, 10].map(|allowed| quota(&sorted, allowed)), [50, 9, 9, 3, 1, 1, 1]);
        assert_eq!([1.0, 10.0, 19.9, 100.0].map(|percent| allowed(percent, 10)), [0, 1, 1, 10]);
        assert_eq!(allowed(1.0, 300), 3);
    }

    #[test]
    fn limits_together_touch_no_more_than_allowed() {
        // Those who are busy in one window are not in the other.
        let peaks: Vec<[u64; 2]> = (0..100).map(|client| [client, 99 - client]).collect();
        for allowed in 0..=100 {
            let (amounts, touched) = together(&peaks, &[0, 1], allowed);
            let counted = peaks.iter().filter(|peaks| peaks[0] > amounts[0] || peaks[1] > amounts[1]).count();
            assert!(counted as u64 == touched && counted <= allowed, "{allowed}: {amounts:?}");
            assert!(counted + 2 > allowed.min(99), "{allowed}: {amounts:?}");
        }
    }

    #[test]
    fn distributions_have_percentiles() {
        let sorted: Vec<u64> = (1..=1000).rev().collect();
        let expected = Distribution { p50: 500, p90: 900, p99: 990, p99_9: 999, max: 1000 };
        assert_eq!(Distribution::of(&sorted), expected);
    }
}
