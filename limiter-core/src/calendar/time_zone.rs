use std::{fmt, str::FromStr};

use chrono::{DateTime, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
#[cfg(feature = "time-zones")]
use chrono::{Offset, TimeZone as _};

/// A time zone, in which calendar windows end: an offset from UTC, or a name with the feature `time-zones`.
///
/// ```
/// use limiter_core::TimeZone;
///
/// let zone: TimeZone = "+05:30".parse()?;
/// assert_eq!(zone.to_string(), "+05:30");
/// assert_eq!("Z".parse(), Ok(TimeZone::UTC));
/// # #[cfg(feature = "time-zones")]
/// assert_eq!("Europe/Berlin".parse::<TimeZone>()?.to_string(), "Europe/Berlin");
/// # Ok::<(), limiter_core::ParseTimeZoneError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeZone(Zone);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Zone {
    /// An offset from UTC in seconds, of less than a day.
    Offset(i32),
    /// A time zone of the IANA database, with its changes of daylight saving time.
    #[cfg(feature = "time-zones")]
    Named(chrono_tz::Tz),
}

/// An error for a text that is not a time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(
    feature = "time-zones",
    error("expected `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`")
)]
#[cfg_attr(
    not(feature = "time-zones"),
    error("expected `UTC` or an offset such as `+02:00`; names require the feature `time-zones`")
)]
pub struct ParseTimeZoneError;

impl TimeZone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(Zone::Offset(0));

    /// Returns the local time at a time in UTC.
    #[cfg_attr(not(feature = "time-zones"), allow(clippy::infallible_destructuring_match))]
    pub(super) fn local(self, utc: NaiveDateTime) -> NaiveDateTime {
        let seconds = match self.0 {
            Zone::Offset(seconds) => seconds,
            #[cfg(feature = "time-zones")]
            Zone::Named(zone) => seconds_of(&zone.offset_from_utc_datetime(&utc)),
        };
        utc.checked_add_signed(TimeDelta::seconds(seconds.into())).unwrap_or(utc)
    }

    /// Returns the seconds since the epoch at which a date begins. If the clock is set forward over midnight, that is the
    /// moment of the change, and if midnight comes twice, the first one.
    pub(super) fn start_of(self, date: NaiveDate) -> i64 {
        let midnight = date.and_time(NaiveTime::MIN);
        let local = midnight.and_utc().timestamp();
        match self.offsets_at(midnight) {
            MappedLocalTime::Single(offset) => local - i64::from(offset),
            MappedLocalTime::Ambiguous(one, other) => local - i64::from(one.max(other)),
            MappedLocalTime::None => self.first_at_or_after(midnight),
        }
    }

    /// Returns the offsets at which the clock shows a local time, in seconds.
    #[cfg_attr(not(feature = "time-zones"), allow(unused_variables))]
    fn offsets_at(self, local: NaiveDateTime) -> MappedLocalTime<i32> {
        match self.0 {
            Zone::Offset(seconds) => MappedLocalTime::Single(seconds),
            #[cfg(feature = "time-zones")]
            Zone::Named(zone) => zone.offset_from_local_datetime(&local).map(|offset| seconds_of(&offset)),
        }
    }

    /// Returns the first second at which the clock shows `local` or later, where it skips that time.
    fn first_at_or_after(self, local: NaiveDateTime) -> i64 {
        let seconds = |time: NaiveDateTime| time.and_utc().timestamp();
        let is_reached = |utc: i64| {
            let utc = DateTime::from_timestamp(utc, 0).map(|utc| utc.naive_utc());
            utc.is_none_or(|utc| self.local(utc) >= local)
        };
        // Offsets are below a day, and no clock changes twice within two.
        let (mut before, mut after) = (seconds(local) - 86_400, seconds(local) + 86_400);
        while after - before > 1 {
            let middle = before.midpoint(after);
            if is_reached(middle) { after = middle } else { before = middle }
        }
        after
    }
}

#[cfg(feature = "time-zones")]
fn seconds_of(offset: &impl Offset) -> i32 {
    offset.fix().local_minus_utc()
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::UTC
    }
}

impl From<FixedOffset> for TimeZone {
    fn from(offset: FixedOffset) -> Self {
        Self(Zone::Offset(offset.local_minus_utc()))
    }
}

impl FromStr for TimeZone {
    type Err = ParseTimeZoneError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "UTC" | "Z" => Ok(Self::UTC),
            _ if text.starts_with(['+', '-']) => offset(text).map(Self::from).ok_or(ParseTimeZoneError),
            #[cfg(feature = "time-zones")]
            _ => text.parse().map(|zone| Self(Zone::Named(zone))).map_err(|_| ParseTimeZoneError),
            #[cfg(not(feature = "time-zones"))]
            _ => Err(ParseTimeZoneError),
        }
    }
}

/// Parses `+05:30` and `+0530`.
fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
    let number = |text: &str, below: i32| -> Option<i32> {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_number && *number < below)
    };
    let seconds = number(hours, 24)? * 3600 + number(minutes, 60)? * 60;
    FixedOffset::east_opt(if sign == "-" { -seconds } else { seconds })
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Zone::Offset(0) => f.write_str("UTC"),
            Zone::Offset(seconds) => match FixedOffset::east_opt(seconds) {
                Some(offset) => offset.fmt(f),
                None => f.write_str("UTC"),
            },
            #[cfg(feature = "time-zones")]
            Zone::Named(zone) => f.write_str(zone.name()),
        }
    }
}
