//! The report as one HTML page, with its style and plots inside.

mod page;
mod plot;

pub(super) use self::page::page;
