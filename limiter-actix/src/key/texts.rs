//! Keys from texts that clients can spell in several ways.

use std::{borrow::Cow, str};

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

/// Returns a key of the path of the request, decoded.
///
/// Use it where the path alone identifies what is limited, such as a document, whoever requests it. It is decoded as
/// actix-web decodes path parameters, so that `/docs/%61` and `/docs/a` count together; `req.path()` differs for these.
/// It has no query string. It equals `Key::text("path", path)`. If handlers ignore case, so should the key:
/// [`fold_case`](crate::key::KeyExt::fold_case).
///
/// ```
/// use actix_web::{HttpResponse, Responder, get};
/// use limiter_actix::{key, limit};
///
/// // Each document 60 times a minute, for all clients together.
/// #[limit("60/minute", key = key::path)]
/// #[get("/documents/{id}")]
/// async fn document() -> impl Responder {
///     HttpResponse::Ok()
/// }
/// ```
pub fn path(req: &ServiceRequest) -> Key {
    // The router has decoded all but `%`, `/` and `+`.
    Key::text("path", decoded(req.match_info().as_str()))
}

/// Returns a key of the text of a field, such as an account name that a person has typed into a form.
///
/// Blanks at its ends are ignored, and a text without anything else makes a missing key. If accounts are found whatever
/// the case or the blanks inside, add [`fold_case`](Key::fold_case) and [`fold_blanks`](Key::fold_blanks). Otherwise each
/// spelling of one account gets a fresh count. It equals `Key::text(kind, text)` with the folded text.
///
/// ```
/// use limiter_actix::{Key, key};
///
/// assert_eq!(key::field("account", " Alice\n").fold_case(), Key::text("account", "alice"));
/// ```
pub fn field(kind: impl Into<Cow<'static, str>>, text: &str) -> Key {
    Key::text(kind, text.trim())
}

/// Decodes each `%` with two hexadecimal digits.
fn decoded(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        if let Some(escaped) = escaped(rest) {
            bytes.push(escaped);
            rest = &rest[3..];
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the byte that an escape at the start of a text stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digits = [*high, *low];
    // `from_str_radix` alone would accept a sign.
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        for (path, expected) in [
            ("/a", "/a"),
            ("/a%2Fb%2fc", "/a/b/c"),
            ("/100%25", "/100%"),
            ("/%2561", "/%61"),
            ("/a+b%2B", "/a+b+"),
            ("/%", "/%"),
            ("/%2", "/%2"),
            ("/%+1%zz", "/%+1%zz"),
            ("/%ff", "/\u{fffd}"),
            ("/%C3%A9é", "/éé"),
        ] {
            assert_eq!(decoded(path), expected, "{path}");
        }
    }
}
