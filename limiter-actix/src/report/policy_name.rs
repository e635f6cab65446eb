//! The names of limits in headers and responses.

use std::{borrow::Cow, fmt::Write, sync::Arc};

use smallvec::SmallVec;

use crate::CurrentLimit;

/// Returns a name in printable ASCII, which is what a String of Structured Fields holds (RFC 9651, section 3.3.3).
///
/// Other bytes are escaped as in a Display String (section 3.3.8).
pub(crate) fn to_printable_ascii(name: &Arc<str>) -> Arc<str> {
    let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
    if name.bytes().all(is_printable) {
        return Arc::clone(name);
    }
    let mut escaped = String::with_capacity(3 * name.len());
    for byte in name.bytes() {
        if is_printable(byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string never fails.
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    escaped.into()
}

/// Returns the limits that clients see, in order, each under a unique name. Shadow limits are left out.
///
/// If two limits have the same name, the second one gets a number.
pub(crate) fn with_unique_names(limits: &[CurrentLimit]) -> SmallVec<[(Cow<'_, str>, &CurrentLimit); 4]> {
    let mut named: SmallVec<[(Cow<'_, str>, &CurrentLimit); 4]> = SmallVec::new();
    for limit in limits.iter().filter(|limit| !limit.is_shadow) {
        let mut name = Cow::Borrowed(limit.policy_name());
        let mut number = 1;
        while named.iter().any(|(taken, _)| *taken == name) {
            number += 1;
            name = format!("{} ({number})", limit.policy_name()).into();
        }
        named.push((name, limit));
    }
    named
}
