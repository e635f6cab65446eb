//! What is allowed: an amount per window, as in `5 per 2 hour`.

use std::{fmt, str::FromStr};

mod error;
mod parse;

pub use self::error::ParseQuotaError;

/// An amount per window: `5 per 2 hour` allows five units in any window of two hours.
///
/// What a window is (fixed, moving, ...) is the strategy's business; a quota is a plain value.
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
    /// The largest amount: what fits 15 decimal digits, the integers of RFC 9651 section 3.3.1
    /// (and, being below 2^53, the numbers of Lua scripts and of JSON).
    pub const MAX_AMOUNT: u64 = 999_999_999_999_999;

    /// The longest window in seconds: 100 years of 360 days.
    pub const MAX_WINDOW_SECONDS: u64 = 100 * Unit::Year.seconds();

    /// Creates a quota of `amount` per `multiple` units of time. An amount of 0 always refuses.
    ///
    /// # Panics
    ///
    /// When `amount` is above [`MAX_AMOUNT`](Self::MAX_AMOUNT), or the window is empty or longer than
    /// [`MAX_WINDOW_SECONDS`](Self::MAX_WINDOW_SECONDS). In a `const` that is a compile error.
    #[must_use]
    pub const fn new(amount: u64, multiple: u32, unit: Unit) -> Self {
        assert!(amount <= Self::MAX_AMOUNT, "the amount of a quota has at most 15 digits");
        assert!(multiple > 0, "the window of a quota cannot be empty");
        assert!(
            (multiple as u64) * unit.seconds() <= Self::MAX_WINDOW_SECONDS,
            "the window of a quota is at most 100 years"
        );
        Self { amount, multiple, unit }
    }

    /// `amount` in each second (not: one per `amount` seconds).
    #[must_use]
    pub const fn per_second(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Second)
    }

    /// `amount` in each minute.
    #[must_use]
    pub const fn per_minute(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Minute)
    }

    /// `amount` in each hour.
    #[must_use]
    pub const fn per_hour(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Hour)
    }

    /// `amount` in each day of 24 hours.
    #[must_use]
    pub const fn per_day(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Day)
    }

    /// `amount` in each week.
    #[must_use]
    pub const fn per_week(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Week)
    }

    /// `amount` in each month of 30 days.
    #[must_use]
    pub const fn per_month(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Month)
    }

    /// `amount` in each year of 360 days.
    #[must_use]
    pub const fn per_year(amount: u64) -> Self {
        Self::new(amount, 1, Unit::Year)
    }

    /// How much is allowed in one window.
    pub const fn amount(self) -> u64 {
        self.amount
    }

    /// How many units of time make the window.
    pub const fn multiple(self) -> u32 {
        self.multiple
    }

    /// The unit of time the window is given in.
    pub const fn unit(self) -> Unit {
        self.unit
    }

    /// The length of the window in seconds, at least 1.
    pub const fn window_seconds(self) -> u64 {
        self.multiple as u64 * self.unit.seconds()
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {} {}", self.amount, self.multiple, self.unit)
    }
}

impl FromStr for Quota {
    type Err = ParseQuotaError;

    /// Parses exactly one quota; see [`Quotas`] for the notation and for several in one text.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::one(text)
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
}

impl Unit {
    /// The length in seconds.
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 30 * 86_400,
            Self::Year => 360 * 86_400,
        }
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
        })
    }
}

/// One or several quotas, as one text names them.
///
/// The notation is `[count] [per|/] [n] [unit]`, in any case and with any white space; `n` is 1 when left
/// out. Units are `second`, `minute`, `hour`, `day`, `week`, `month` (30 days) and `year` (360 days), each
/// with or without an `s`, and the short `s`, `sec`, `min`, `h`, `hr`, `d` and `w`. Several quotas are
/// joined by `;`, `,` or `|`.
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
    /// The longest text that is parsed, in bytes.
    pub const MAX_TEXT_LEN: usize = 1024;

    /// Those quotas of a text that can be read; none when none can.
    ///
    /// For texts that come while serving, where a limit that can be read should hold although another cannot.
    /// ```
    /// let quotas = limiter_core::Quotas::lenient("1/second; 5 per moon").map(|quotas| quotas.to_string());
    /// assert_eq!(quotas.as_deref(), Some("1 per 1 second"));
    /// ```
    #[must_use]
    pub fn lenient(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_TEXT_LEN {
            return None;
        }
        let parts = text.split([';', ',', '|']);
        let quotas: Vec<Quota> = parts.filter_map(|part| part.parse().ok()).collect();
        (!quotas.is_empty()).then_some(Self(quotas))
    }

    /// The quotas in the order of the text; never empty.
    pub fn as_slice(&self) -> &[Quota] {
        &self.0
    }
}

impl From<Quota> for Quotas {
    fn from(quota: Quota) -> Self {
        Self(vec![quota])
    }
}

impl FromStr for Quotas {
    type Err = ParseQuotaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::several(text).map(Self)
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
