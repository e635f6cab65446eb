//! Combines keys.

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

/// Combines key functions. Implemented for all functions from a request to something that converts into a [`Key`].
///
/// ```
/// use actix_web::dev::ServiceRequest;
/// use limiter_actix::{Key, Limiter, key::{self, KeyExt}};
///
/// // Outer middleware has verified the header.
/// fn user(req: &ServiceRequest) -> Option<Key> {
///     let id = req.headers().get("x-user")?.to_str().ok()?;
///     Some(Key::text("user", id))
/// }
///
/// // The user, or else the API key; both per address.
/// let limiter = Limiter::builder()
///     .key(user.or_else(key::header("x-api-key")).and(key::client_address))
///     .build()?;
/// # let _ = limiter;
/// # Ok::<(), limiter_actix::BuildError>(())
/// ```
pub trait KeyExt<K: Into<Key>>: Fn(&ServiceRequest) -> K + Send + Sync + Sized + 'static {
    /// Returns a key function that counts each pair of values separately.
    ///
    /// The key is missing if either is missing; see [`Key::and`].
    fn and<F, L>(self, other: F) -> impl Fn(&ServiceRequest) -> Key + Send + Sync + 'static
    where
        F: Fn(&ServiceRequest) -> L + Send + Sync + 'static,
        L: Into<Key>,
    {
        move |req| self(req).into().and(other(req))
    }

    /// Returns a key function that uses `other` if this key is missing.
    ///
    /// If both are missing, the limiter's own key applies.
    fn or_else<F, L>(self, other: F) -> impl Fn(&ServiceRequest) -> Key + Send + Sync + 'static
    where
        F: Fn(&ServiceRequest) -> L + Send + Sync + 'static,
        L: Into<Key>,
    {
        move |req| self(req).into().or_else(|| other(req))
    }

    /// Returns a key function that ignores the case of texts; see [`Key::fold_case`].
    ///
    /// ```
    /// use limiter_actix::{Limit, Quota, key::{self, KeyExt}};
    ///
    /// let limit = Limit::new(Quota::per_minute(60)).key(key::path.fold_case());
    /// # let _ = limit;
    /// ```
    fn fold_case(self) -> impl Fn(&ServiceRequest) -> Key + Send + Sync + 'static {
        move |req| self(req).into().fold_case()
    }

    /// Returns a key function that ignores extra blanks of texts; see [`Key::fold_blanks`].
    fn fold_blanks(self) -> impl Fn(&ServiceRequest) -> Key + Send + Sync + 'static {
        move |req| self(req).into().fold_blanks()
    }
}

impl<F, K> KeyExt<K> for F
where
    F: Fn(&ServiceRequest) -> K + Send + Sync + 'static,
    K: Into<Key>,
{
}
