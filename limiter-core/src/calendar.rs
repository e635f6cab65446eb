//! Calendar windows, which end at midnight, with Sunday, before the 1st, or with the year.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate};

use crate::Unit;

mod time_zone;

pub use self::time_zone::{ParseTimeZoneError, TimeZone};

/// A sequence of calendar windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Calendar {
    period: Period,
    zone: TimeZone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Period {
    Day,
    Week,
    Month,
    Year,
}

/// The start and the end of a window, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CalendarWindow {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

const NANOS: u64 = 1_000_000_000;

impl Calendar {
    /// Returns the windows of a unit, or `None` if it is not one of the calendar.
    pub(crate) fn of(unit: Unit, zone: TimeZone) -> Option<Self> {
        let period = match unit {
            Unit::CalendarDay => Period::Day,
            Unit::CalendarWeek => Period::Week,
            Unit::CalendarMonth => Period::Month,
            Unit::CalendarYear => Period::Year,
            Unit::Second
            | Unit::Minute
            | Unit::Hour
            | Unit::Day
            | Unit::Week
            | Unit::Month
            | Unit::Year
            | Unit::Concurrent => {
                return None;
            }
        };
        Some(Self { period, zone })
    }

    /// Returns the name of these windows, which differs from that of others.
    #[cfg(feature = "remote")]
    pub(crate) fn name(self) -> String {
        format!("{}@{}", self.letter(), self.zone)
    }

    pub(crate) fn zone(self) -> TimeZone {
        self.zone
    }

    /// Returns the window at a time in nanoseconds since the epoch. Beyond the range of the calendar it never ends.
    #[cold]
    pub(crate) fn window_at(self, now: u64) -> CalendarWindow {
        self.in_range(now).unwrap_or(CalendarWindow { start: 0, end: u64::MAX })
    }

    /// Returns the two boundaries nearest to `now`, in ascending order. A window ends at each.
    ///
    /// A server whose clock differs by less than half a window finds the end of its own window among them: the first that
    /// is after its time.
    #[cfg(any(feature = "mongodb", feature = "redis"))]
    pub(crate) fn nearest_ends(self, now: u64) -> [u64; 2] {
        let CalendarWindow { start, end } = self.window_at(now);
        if now.saturating_sub(start) < end.saturating_sub(now) {
            [start, end]
        } else {
            [end, self.window_at(end).end]
        }
    }

    fn in_range(self, now: u64) -> Option<CalendarWindow> {
        let now = i64::try_from(now / NANOS).ok()?;
        let local = self.zone.local(DateTime::from_timestamp(now, 0)?.naive_utc());
        let mut date = self.period.start(local.date())?;
        let mut start = self.zone.start_of(date);
        loop {
            date = self.period.next(date)?;
            let end = self.zone.start_of(date);
            // Where the clock is set back over midnight, the date is that of the day before once more.
            if end > now {
                let nanos = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(NANOS);
                return Some(CalendarWindow { start: nanos(start), end: nanos(end) });
            }
            start = end;
        }
    }

    #[cfg(feature = "remote")]
    fn letter(self) -> char {
        match self.period {
            Period::Day => 'd',
            Period::Week => 'w',
            Period::Month => 'm',
            Period::Year => 'y',
        }
    }
}

impl Period {
    /// Returns the first day of the period of a date.
    fn start(self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => Some(date),
            Self::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
            Self::Month => date.with_day(1),
            Self::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        }
    }

    /// Returns the first day of the period after the one that begins with `first`.
    fn next(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Day => first.checked_add_days(Days::new(1)),
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Month => first.checked_add_months(Months::new(1)),
            Self::Year => first.checked_add_months(Months::new(12)),
        }
    }
}
