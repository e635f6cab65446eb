//! Negotiates the form of a refusal.

use std::iter;

use actix_web::http::header::{ACCEPT, HeaderMap};

/// The form of a refusal. Of forms with equal weights, the first one is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON of RFC 9457: for programs, and for clients without a preference.
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

    /// Returns the form that `Accept` prefers (RFC 9110, section 12.5.1).
    ///
    /// A client that accepts none of them gets the default form. Another status would not help it, and it understands
    /// this one without a body.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        // Most programs send none.
        if headers.get_all(ACCEPT).len() == 0 {
            return Self::Problem;
        }
        // For each form, the most specific range that matches it decides.
        let mut found: [Option<(Range, u16)>; 3] = [None; 3];
        for (range, weight) in ranges(headers) {
            for (form, found) in Self::ALL.into_iter().zip(&mut found) {
                if range.matches(form) && found.is_none_or(|(other, _)| range > other) {
                    *found = Some((range, weight));
                }
            }
        }
        let weights = found.map(|found| found.map_or(0, |(_, weight)| weight));
        let best =
            Self::ALL.into_iter().zip(weights).reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map_or(Self::Problem, |(form, _)| form)
    }
}

/// Returns the media ranges of a request that match some form, with their weights. Invalid ranges are skipped.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (Range, u16)> {
    let lines = headers.get_all(ACCEPT).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|item| {
        let mut parts = item.split(';').map(str::trim_ascii);
        let range = Range::named(parts.next()?)?;
        // Other parameters are ignored, since no form has any.
        let mut weights =
            parts.filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((range, weights.next().map_or(Some(1000), weight)?))
    })
}

/// A weight (RFC 9110, section 12.4.2) in thousandths.
fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(iter::repeat(b'0')).take(3);
    match (whole, digits.fold(0, |number, digit| 10 * number + u16::from(digit - b'0'))) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

impl Range {
    /// Returns whether a form matches. JSON matches the form of RFC 9457, whose own name few clients send.
    fn matches(self, form: Form) -> bool {
        match self {
            Self::Any => true,
            Self::AnyApplication | Self::Json | Self::ProblemJson => form == Form::Problem,
            Self::AnyText => form != Form::Problem,
            Self::Html => form == Form::Html,
            Self::Plain => form == Form::Plain,
        }
    }

    fn named(name: &str) -> Option<Self> {
        const NAMES: [(&str, Range); 8] = [
            ("*/*", Range::Any),
            ("application/*", Range::AnyApplication),
            ("text/*", Range::AnyText),
            ("application/json", Range::Json),
            ("application/problem+json", Range::ProblemJson),
            ("text/html", Range::Html),
            ("application/xhtml+xml", Range::Html),
            ("text/plain", Range::Plain),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, range)| *range)
    }
}
