use std::fmt;

use super::{Quota, Quotas};

/// An error for a text that is not in the notation of quotas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseQuotaError {
    pub(super) offset: usize,
    pub(super) expected: ExpectedText,
    /// The word, number or character at the offset; empty at the end of the text.
    pub(super) found: String,
}

/// The element that the parser expected where it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpectedText {
    Count,
    SmallerCount,
    Separator,
    NonZeroMultiple,
    ShorterWindow,
    Unit,
    MinuteOrMonth,
    CalendarUnit,
    OneCalendarUnit,
    Delimiter,
    End,
    ShorterText,
    After,
    NonZeroCount,
    Breaches,
    In,
    Doubling,
    UpTo,
    ShorterBan,
    LongerBan,
    EndOfBan,
}

impl ParseQuotaError {
    /// Returns the byte offset in the text at which parsing stopped.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for ParseQuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, expected, found } = self;
        match found.as_str() {
            "" => write!(f, "expected {expected} at byte {offset}, found the end"),
            found => write!(f, "expected {expected} at byte {offset}, found `{found}`"),
        }
    }
}

impl std::error::Error for ParseQuotaError {}

impl fmt::Display for ExpectedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("a count such as the 5 in `5 per minute`"),
            Self::SmallerCount => write!(f, "a count of at most {}", Quota::MAX_AMOUNT),
            Self::Separator => f.write_str("`per`, `/` or `concurrent`"),
            Self::NonZeroMultiple => f.write_str("a window longer than zero"),
            Self::ShorterWindow => f.write_str("a window of at most 100 years"),
            Self::Unit => f.write_str("second, minute, hour, day, week, month or year"),
            Self::MinuteOrMonth => f.write_str("`min` (minute) or `month`"),
            Self::CalendarUnit => f.write_str("day, week, month or year"),
            Self::OneCalendarUnit => {
                f.write_str("1, since a calendar window is one day, week, month or year")
            }
            Self::Delimiter => f.write_str("`;`, `,`, `|` or the end"),
            Self::End => f.write_str("the end (one quota only)"),
            Self::After => f.write_str("`after`"),
            Self::NonZeroCount => f.write_str("a count of at least 1"),
            Self::Breaches => f.write_str("`breaches`"),
            Self::In => f.write_str("`in`"),
            Self::Doubling => f.write_str("`doubling up to` and a time"),
            Self::UpTo => f.write_str("`up to` and the time of the longest ban"),
            Self::ShorterBan => f.write_str("a ban of at most 50 years"),
            Self::LongerBan => f.write_str("a ban that is not shorter than the first"),
            Self::EndOfBan => f.write_str("`, doubling up to` or the end"),
            Self::ShorterText => write!(f, "a text of at most {} bytes", Quotas::MAX_TEXT_LEN),
        }
    }
}
