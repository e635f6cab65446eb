//! Observed behaviour of Flask-Limiter: each observation by its id.
//!
//! Where an entry agrees, its steps are those of the reference, but for the contract's rules of headers:
//! X is the end of the window, rounded up (the reference adds a second to a whole number), and A is there on
//! refusals only. Where it differs, the steps are those of the contract, and the entry gives the reason.

use std::collections::HashSet;

mod declared;
mod entry;
mod functions;
mod meta;
mod single_entries;
mod together;
mod windows;

/// Entries of the reference without a counterpart here.
const NOT_APPLICABLE: &[(&str, &str)] = &[
    ("B28", "callbacks cannot fail"),
    ("F07", "which limits hold while the storage fails, pass by pass: there is one decision here"),
    ("H01", "no decorated plain functions"),
    ("N02", "no request_identifier: the pattern is the route"),
    ("Q02-False-True", "code beats the environment"),
    ("Q02-True-False", "code beats the environment"),
    ("Q03", "no raise policy"),
    ("Q04", "no counterpart"),
    ("Z02", "callbacks cannot fail"),
];

#[test]
fn every_entry_is_here_once() {
    let families =
        [declared::entries(), functions::entries(), meta::entries(), together::entries(), windows::entries()];
    let not_applicable = NOT_APPLICABLE.iter().map(|(id, _)| *id);
    let ids: Vec<_> = families
        .iter()
        .flatten()
        .map(|entry| entry.id)
        .chain(single_entries::IDS.iter().copied())
        .chain(not_applicable)
        .collect();
    assert_eq!(ids.len(), 67);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 67);
}
