//! Which form of an answer a client wants.

use std::str::FromStr;

use actix_web::http::header::{ACCEPT, HeaderMap, Quality, QualityItem};

/// The forms a refusal comes in; of those a client likes equally well, the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON of RFC 9457: for programs, and for all that do not say.
    Problem,
    Html,
    Plain,
}

/// A media range that some form matches. The more specific ones are greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Range {
    Any,
    AnyApplication,
    AnyText,
    Json,
    ProblemJson,
    Html,
    Plain,
}

impl Form {
    const ALL: [Self; 3] = [Self::Problem, Self::Html, Self::Plain];

    /// The form to answer in, by `Accept` (RFC 9110, section 12.5.1).
    ///
    /// Where the client accepts none of them it gets the usual one all the same: it can do nothing with another
    /// status, and knows this one without a body.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        // For each form, the most specific range that matches it decides.
        let mut found: [Option<(Range, Quality)>; 3] = [None; 3];
        for QualityItem { item: range, quality } in ranges(headers) {
            for (form, found) in Self::ALL.into_iter().zip(&mut found) {
                if range.matches(form) && found.is_none_or(|(other, _)| range > other) {
                    *found = Some((range, quality));
                }
            }
        }
        let liking = |found: Option<(Range, Quality)>| found.map_or(Quality::ZERO, |(_, quality)| quality);
        let forms = Self::ALL.into_iter().zip(found.map(liking));
        let first_best = forms.reduce(|best, next| if next.1 > best.1 { next } else { best });
        first_best.map_or(Self::Problem, |(form, _)| form)
    }
}

/// The media ranges of a request that some form matches. What cannot be read is passed over.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = QualityItem<Range>> {
    let lines = headers.get_all(ACCEPT).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|item| item.trim().parse().ok())
}

impl Range {
    /// A client that reads JSON can read that of RFC 9457, and few say so by its name.
    fn matches(self, form: Form) -> bool {
        match self {
            Self::Any => true,
            Self::AnyApplication | Self::Json | Self::ProblemJson => form == Form::Problem,
            Self::AnyText => form != Form::Problem,
            Self::Html => form == Form::Html,
            Self::Plain => form == Form::Plain,
        }
    }
}

impl FromStr for Range {
    type Err = ();

    /// Parameters do not matter: no form has any that a client could choose by.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RANGES: [(&str, Range); 8] = [
            ("*/*", Range::Any),
            ("application/*", Range::AnyApplication),
            ("text/*", Range::AnyText),
            ("application/json", Range::Json),
            ("application/problem+json", Range::ProblemJson),
            ("text/html", Range::Html),
            ("application/xhtml+xml", Range::Html),
            ("text/plain", Range::Plain),
        ];
        let essence = text.split(';').next().unwrap_or_default().trim();
        let range = RANGES.iter().find(|(name, _)| name.eq_ignore_ascii_case(essence));
        range.map(|(_, range)| *range).ok_or(())
    }
}
