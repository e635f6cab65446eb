//! Quotas: an amount per window, as in `5 per 2 hour`.

use std::fmt;

mod ban_rule;
mod error;
mod parse;

pub use self::{ban_rule::BanRule, error::ParseQuotaError};

/// An amount per window: `5 per 2 hour` allows five units in a window of two hours.
///
/// A quota is a plain value. The strategy decides whether windows are fixed, moving or of another kind.
///
/// ```
/// use limiter_core::{Quota, Unit};
///
/// const LOGIN: Quota = Quota::per_minute(5);
///
/// assert_eq!("5/minute".parse(), Ok(LOGIN));
/// assert_eq!("10 per 2 hours".parse(), Ok(Quota::new(10, 2, Unit::Hour)));
/// assert_eq!(Quota::new(10, 2, Unit::Hour).to_string(), "10 per 2 hour");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    amount: u64,
    multiple: u32,
    unit: Unit,
}

impl Quota {
    /// The largest amount: 15 decimal digits, as integers of RFC 9651 section 3.3.1 have.
    ///
    /// It is below 2^53, so that numbers of Lua scripts and of JSON represent it exactly.
    pub const MAX_AMOUNT: u64 = 999_999_999_999_999;

    /// The longest window in seconds: 100 years of 360 days.
    pub const MAX_WINDOW_SECONDS: u64 = 100 * Unit::Year.seconds();

    /// Creates a quota of `amount` per `multiple` units of time. An amount of 0 refuses every hit.
    ///
    /// # Panics
    ///
    /// Panics if `amount` exceeds [`MAX_AMOUNT`](Self::MAX_AMOUNT), if the window is empty or longer than
    /// [`MAX_WINDOW_SECONDS`](Self::MAX_WINDOW_SECONDS), or if it has several units of the calendar or
    /// [`Unit::Concurrent`]. In a `const` this is a compile error.
    #[must_use]
    pub const fn new(amount: u64, multiple: u32, unit: Unit) -> Self {
        assert!(amount <= Self::MAX_AMOUNT, "invalid quota: the amount has more than 15 digits");
        assert!(multiple > 0, "invalid quota: the window is empty");
        assert!(
            (multiple as u64) * unit.seconds() <= Self::MAX_WINDOW_SECONDS,
            "invalid quota: the window is longer than 100 years"
        );
        assert!(
            multiple == 1 || !unit.is_calendar(),
            "invalid quota: a calendar window is one day, week, month or year"
        );
        assert!(multiple == 1 || !unit.is_concurrent(), "invalid quota: concurrent requests have no window");
        Self { amount, multiple, unit }
    }

    /// Creates a quota of `amount` in each second (not one per `amount` seconds).
    #[must_use]
    pub const fn per_second(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Second)
    }

    /// Creates a quota of `amount` in each minute.
    #[must_use]
    pub const fn per_minute(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Minute)
    }

    /// Creates a quota of `amount` in each hour.
    #[must_use]
    pub const fn per_hour(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Hour)
    }

    /// Creates a quota of `amount` in each day of 24 hours.
    #[must_use]
    pub const fn per_day(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Day)
    }

    /// Creates a quota of `amount` in each week.
    #[must_use]
    pub const fn per_week(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Week)
    }

    /// Creates a quota of `amount` in each month of 30 days.
    #[must_use]
    pub const fn per_month(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Month)
    }

    /// Creates a quota of `amount` in each year of 360 days.
    #[must_use]
    pub const fn per_year(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Year)
    }

    /// Creates a quota of `amount` in each day of the calendar, from midnight to midnight.
    ///
    /// The time zone is that of the [`Policy`](crate::Policy). A limiter sets it.
    #[must_use]
    pub const fn per_calendar_day(amount: u64) -> Self {
        Self::new(amount, 1, Unit::CalendarDay)
    }

    /// Creates a quota of `amount` in each week of the calendar, from Monday to Sunday.
    #[must_use]
    pub const fn per_calendar_week(amount: u64) -> Self {
        Self::new(amount, 1, Unit::CalendarWeek)
    }

    /// Creates a quota of `amount` in each month of the calendar, of 28 to 31 days.
    #[must_use]
    pub const fn per_calendar_month(amount: u64) -> Self {
        Self::new(amount, 1, Unit::CalendarMonth)
    }

    /// Creates a quota of `amount` in each year of the calendar, from January to December.
    #[must_use]
    pub const fn per_calendar_year(amount: u64) -> Self {
        Self::new(amount, 1, Unit::CalendarYear)
    }

    /// Creates a quota of `amount` requests under way at the same time.
    #[must_use]
    pub const fn concurrent(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Concurrent)
    }

    /// Returns the amount allowed in one window.
    pub const fn amount(self) -> u64 {
        self.amount
    }

    /// Returns the number of units of time in a window.
    pub const fn multiple(self) -> u32 {
        self.multiple
    }

    /// Returns the unit of time in which the window is given.
    pub const fn unit(self) -> Unit {
        self.unit
    }

    /// Returns the length of the window in seconds, at least 1. Of a calendar window it is the [greatest](Unit::seconds).
    /// Concurrent requests have no window; for them it is 1.
    pub const fn window_seconds(self) -> u64 {
        self.multiple as u64 * self.unit.seconds()
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unit.is_concurrent() {
            return write!(f, "{} {}", self.amount, self.unit);
        }
        write!(f, "{} per {} {}", self.amount, self.multiple, self.unit)
    }
}

/// A unit of time in the notation of quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unit {
    /// One second.
    Second,
    /// 60 seconds.
    Minute,
    /// 3600 seconds.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
    /// 360 days.
    Year,
    /// A day of the calendar, which ends at midnight.
    CalendarDay,
    /// A week of the calendar, which ends with Sunday.
    CalendarWeek,
    /// A month of the calendar, of 28 to 31 days.
    CalendarMonth,
    /// A year of the calendar, of 365 or 366 days.
    CalendarYear,
    /// No time: the requests that are under way together.
    Concurrent,
}

impl Unit {
    /// Returns the length of the unit in seconds.
    ///
    /// Of a unit of the calendar it is the greatest, apart from changes of daylight saving time: 31 days for a month and
    /// 366 for a year. For concurrent requests it is 1.
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Second | Self::Concurrent => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day | Self::CalendarDay => 86_400,
            Self::Week | Self::CalendarWeek => 7 * 86_400,
            Self::Month => 30 * 86_400,
            Self::Year => 360 * 86_400,
            Self::CalendarMonth => 31 * 86_400,
            Self::CalendarYear => 366 * 86_400,
        }
    }

    /// Returns whether the unit ends by the calendar, and not a fixed time after it began.
    pub const fn is_calendar(self) -> bool {
        matches!(self, Self::CalendarDay | Self::CalendarWeek | Self::CalendarMonth | Self::CalendarYear)
    }

    /// Returns whether it is no time, but limits the requests that are under way together.
    pub const fn is_concurrent(self) -> bool {
        matches!(self, Self::Concurrent)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
            Self::CalendarDay => "calendar day",
            Self::CalendarWeek => "calendar week",
            Self::CalendarMonth => "calendar month",
            Self::CalendarYear => "calendar year",
            Self::Concurrent => "concurrent",
        })
    }
}

/// One or several quotas, written in one text.
///
/// The notation is `[count] [per|/] [n] [unit]`, in any case and with any white space. `n` defaults to 1.
/// Units are `second`, `minute`, `hour`, `day`, `week`, `month` (30 days) and `year` (360 days), each with or
/// without an `s`. The short units are `s`, `sec`, `min`, `h`, `hr`, `d` and `w`. `;`, `,` or `|` separates
/// several quotas.
///
/// After `calendar`, the units `day`, `week`, `month` and `year` are those of the calendar, as in
/// `1000 per calendar month`. Such a window ends at midnight, with Sunday, or before the 1st. Its `n` is 1.
///
/// `5 concurrent` allows five requests under way at the same time.
///
/// ```
/// use limiter_core::{Quota, Quotas};
///
/// let quotas: Quotas = "100/day; 10 per 2 minutes".parse()?;
/// assert_eq!(quotas.to_string(), "100 per 1 day; 10 per 2 minute");
///
/// let error = "100/day; 10/fortnight".parse::<Quotas>().unwrap_err();
/// assert_eq!(error.offset(), 12);
/// # Ok::<(), limiter_core::ParseQuotaError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quotas(Vec<Quota>);

impl Quotas {
    /// The maximum length of a text, in bytes.
    pub const MAX_TEXT_LEN: usize = 1024;

    /// Returns the quotas in the order of the text; there is at least one.
    pub fn as_slice(&self) -> &[Quota] {
        &self.0
    }
}

impl From<Quota> for Quotas {
    fn from(quota: Quota) -> Self {
        Self(vec![quota])
    }
}

impl fmt::Display for Quotas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, quota) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            quota.fmt(f)?;
        }
        Ok(())
    }
}

impl IntoIterator for Quotas {
    type Item = Quota;
    type IntoIter = std::vec::IntoIter<Quota>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
