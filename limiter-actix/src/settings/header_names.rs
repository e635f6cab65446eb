//! Checks the names of headers.

use super::{Settings, config_error::Origin, headers::HeaderSettings};
use crate::ConfigIssue;

/// Headers that frame or describe the response of the application. A number in one of them would break it.
const RESERVED: [&str; 13] = [
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "location",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

impl Settings {
    /// Returns an issue for each name that a response needs itself, or that two headers have.
    pub(crate) fn issues_in_header_names(&self) -> Vec<ConfigIssue> {
        let HeaderSettings { names, fallback, .. } = &self.headers;
        let own = [
            ("limit", &names.limit),
            ("remaining", &names.remaining),
            ("reset", &names.reset),
            ("retry_after", &names.retry_after),
        ];
        let all: Vec<_> = own.into_iter().chain(fallback.iter().map(|name| ("fallback", name))).collect();
        let issues = all.iter().enumerate().filter_map(|(index, (field, name))| {
            if RESERVED.contains(&name.as_str()) {
                return Some(format!("`{field}`: expected a header of its own, found `{name}`"));
            }
            let (other, _) = all[..index].iter().find(|(_, other)| other == name)?;
            Some(format!("`{field}`: expected a header of its own, found that of `{other}`: `{name}`"))
        });
        issues.map(|issue| ConfigIssue::new(Origin::whole("header_names"), issue)).collect()
    }
}
