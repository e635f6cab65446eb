//! Authorization by tokens.

use std::{env, fmt, sync::Arc};

use actix_web::{
    HttpRequest,
    http::header::{AUTHORIZATION, HeaderValue},
};
use base64::prelude::{BASE64_STANDARD, Engine};
use subtle::{Choice, ConstantTimeEq};

use super::access::{Access, Authorize};

/// Tokens that permit to view or to change.
///
/// Programs send a token as `Authorization: Bearer`. Browsers prompt for a name and a password: the password is the token,
/// and the name identifies the operator in the log. Tokens are compared in constant time.
///
/// ```no_run
/// use actix_web::{App, HttpServer};
/// use limiter_actix::{InspectorTokens, Limiter};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tokens = InspectorTokens::from_env("LIMITER_VIEW_TOKEN", "LIMITER_CHANGE_TOKEN")?;
/// let limiter = Limiter::default();
/// let server = HttpServer::new(move || {
///     App::new().wrap(limiter.clone()).service(limiter.inspector("/limiter").authorize(tokens.clone()))
/// });
/// # let _ = server;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct InspectorTokens {
    view: Arc<[u8]>,
    change: Option<Arc<[u8]>>,
}

/// The error of tokens that are missing or unsuitable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InspectorTokensError {
    /// The token to view is not set.
    #[error("invalid tokens: the environment variable `{0}` is not set")]
    Missing(String),
    /// A token is too short to be safe.
    #[error(
        "invalid tokens: a token has at least {} characters of ASCII, without spaces",
        InspectorTokens::MIN_LEN
    )]
    Weak,
    /// Both tokens are equal.
    #[error("invalid tokens: the token to change is that to view")]
    Equal,
}

impl InspectorTokens {
    /// The minimum length of a token.
    pub const MIN_LEN: usize = 16;

    /// Reads the tokens from these environment variables. If that to change is missing or empty, nobody may change.
    ///
    /// # Errors
    ///
    /// If the token to view is missing, if a token is short, or if they are equal.
    pub fn from_env(view: &str, change: &str) -> Result<Self, InspectorTokensError> {
        let read = |name| env::var(name).ok().filter(|token| !token.is_empty());
        let token = read(view).ok_or_else(|| InspectorTokensError::Missing(view.to_owned()))?;
        Self::new(&token, read(change).as_deref())
    }

    /// Creates tokens, such as those of a store of secrets. Without the second, nobody may change.
    ///
    /// # Errors
    ///
    /// If a token is short, or if they are equal.
    pub fn new(view: &str, change: Option<&str>) -> Result<Self, InspectorTokensError> {
        let is_weak =
            |token: &str| token.len() < Self::MIN_LEN || !token.bytes().all(|it| it.is_ascii_graphic());
        if is_weak(view) || change.is_some_and(is_weak) {
            return Err(InspectorTokensError::Weak);
        }
        if change == Some(view) {
            return Err(InspectorTokensError::Equal);
        }
        Ok(Self { view: view.as_bytes().into(), change: change.map(|token| token.as_bytes().into()) })
    }

    /// Returns the access by a token. It always compares with both tokens, in constant time.
    fn check(&self, token: &[u8], operator: &str) -> Access {
        let may_view = self.view.ct_eq(token);
        let may_change = self.change.as_ref().map_or(Choice::from(0), |change| change.ct_eq(token));
        match (bool::from(may_change), bool::from(may_view)) {
            (true, _) => Access::change(operator),
            (false, true) => Access::view(operator),
            (false, false) => Access::denied(),
        }
    }
}

impl Authorize for InspectorTokens {
    fn access(&self, req: &HttpRequest) -> Access {
        let mut values = req.headers().get_all(AUTHORIZATION);
        let (Some(value), None) = (values.next(), values.next()) else { return Access::denied() };
        let Ok(value) = value.to_str() else { return Access::denied() };
        let Some((scheme, credentials)) = value.split_once(' ') else { return Access::denied() };
        if scheme.eq_ignore_ascii_case("bearer") {
            return self.check(credentials.trim().as_bytes(), "token");
        }
        let decoded = if scheme.eq_ignore_ascii_case("basic") {
            BASE64_STANDARD.decode(credentials).ok()
        } else {
            None
        };
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        match text.as_deref().and_then(|text| text.split_once(':')) {
            Some((name, token)) => self.check(token.as_bytes(), if name.is_empty() { "token" } else { name }),
            None => Access::denied(),
        }
    }

    fn challenge(&self) -> Option<HeaderValue> {
        Some(HeaderValue::from_static("Basic realm=\"limiter\", charset=\"UTF-8\""))
    }
}

/// Leaves out the tokens.
impl fmt::Debug for InspectorTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InspectorTokens").field("may_change", &self.change.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use actix_web::test::TestRequest;

    use super::*;

    const VIEW: &str = "view-0123456789abcdef";
    const CHANGE: &str = "change-0123456789abcdef";

    fn access(values: &[&str]) -> Access {
        let mut request = TestRequest::default();
        for value in values {
            request = request.append_header(("authorization", *value));
        }
        InspectorTokens::new(VIEW, Some(CHANGE)).expect("tokens").access(&request.to_http_request())
    }

    #[test]
    fn only_the_tokens_are_accepted() {
        assert_eq!(access(&[&format!("Bearer {VIEW}")]), Access::view("token"));
        assert_eq!(access(&[&format!("bearer {CHANGE}")]), Access::change("token"));
        let basic =
            |name: &str, token: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{token}")));
        assert_eq!(access(&[&basic("alice", VIEW)]), Access::view("alice"));
        assert_eq!(access(&[&basic("alice", CHANGE)]), Access::change("alice"));
        assert_eq!(access(&[&basic("", CHANGE)]), Access::change("token"));
        for denied in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            format!("Bearer {VIEW}x"),
            format!("Bearer {}", &VIEW[1..]),
            format!("Bearer {}", VIEW.to_uppercase()),
            format!("Token {VIEW}"),
            VIEW.to_owned(),
            basic("alice", ""),
            basic(VIEW, "alice"),
            "Basic ????".to_owned(),
        ] {
            assert_eq!(access(&[&denied]), Access::denied(), "{denied}");
        }
        assert_eq!(access(&[]), Access::denied());
        let twice = format!("Bearer {VIEW}");
        assert_eq!(access(&[&twice, &twice]), Access::denied(), "proxies and apps may read different ones");
    }

    /// A comparison that ends at the first wrong byte would be a hundred times faster for a token that is wrong at once. The
    /// shortest of many times does not depend on how busy the machine is.
    #[test]
    fn timing_does_not_show_how_much_of_a_token_is_right() {
        const LEN: usize = 64 << 10;
        let token = "a".repeat(LEN);
        let tokens = InspectorTokens::new(&token, Some(&"b".repeat(LEN))).expect("tokens");
        let wrong_at = |at: usize| {
            let mut wrong = token.clone().into_bytes();
            wrong[at] = b'x';
            wrong
        };
        let time = |wrong: &[u8]| {
            let begun = Instant::now();
            assert_eq!(tokens.check(wrong, "x"), Access::denied());
            begun.elapsed()
        };
        let (first, last) = (wrong_at(0), wrong_at(LEN - 1));
        let times: Vec<_> = (0..30).map(|_| (time(&first), time(&last))).collect();
        let least_first = times.iter().map(|(first, _)| *first).min().unwrap_or_default();
        let least_last = times.iter().map(|(_, last)| *last).min().unwrap_or_default();
        assert!(least_first * 4 > least_last, "{least_first:?} and {least_last:?}");
    }

    #[test]
    fn without_a_token_to_change_nobody_may() {
        let tokens = InspectorTokens::new(VIEW, None).expect("tokens");
        assert_eq!(tokens.check(b"", "x"), Access::denied());
        assert_eq!(tokens.check(VIEW.as_bytes(), "x"), Access::view("x"));
    }

    #[test]
    fn unsuitable_tokens_are_rejected() {
        let error = |view, change| InspectorTokens::new(view, change).map(drop);
        assert_eq!(error("short", None), Err(InspectorTokensError::Weak));
        assert_eq!(error(VIEW, Some("short")), Err(InspectorTokensError::Weak));
        assert_eq!(error("has spaces in between", None), Err(InspectorTokensError::Weak));
        assert_eq!(error(VIEW, Some(VIEW)), Err(InspectorTokensError::Equal));
        let missing = InspectorTokens::from_env("LIMITER_TEST_NOT_SET", "LIMITER_TEST_NOT_SET").map(drop);
        assert_eq!(missing, Err(InspectorTokensError::Missing("LIMITER_TEST_NOT_SET".to_owned())));
        assert!(!format!("{:?}", InspectorTokens::new(VIEW, Some(CHANGE))).contains("0123"));
    }
}
