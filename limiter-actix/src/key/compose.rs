//! Keys made of keys.

use actix_web::dev::ServiceRequest;
use limiter_core::Key;

/// Puts key functions together. All functions from a request to something that [`Key`] can be made of have it.
///
/// ```
/// use actix_web::dev::ServiceRequest;
/// use limiter_actix::{Key, Limiter, key::{self, KeyExt}};
///
/// // Behind something that has checked it.
/// fn user(req: &ServiceRequest) -> Option<Key> {
///     let id = req.headers().get("x-user")?.to_str().ok()?;
///     Some(Key::text("user", id))
/// }
///
/// // The user, or else the API key; both at each address by itself.
/// let limiter = Limiter::builder()
///     .key(user.or_else(key::header("x-api-key")).and(key::client_address))
///     .build()?;
/// # let _ = limiter;
/// # Ok::<(), limiter_actix::BuildError>(())
/// ```
pub trait KeyExt<K: Into<Key>>: Fn(&ServiceRequest) -> K + Send + Sync + Sized + 'static {
    /// Both together: each pair of values has a count of its own. Missing when either is missing; see
    /// [`Key::and`].
    fn and<F, L>(self, other: F) -> impl Fn(&ServiceRequest) -> Key + Send + Sync + 'static
    where
        F: Fn(&ServiceRequest) -> L + Send + Sync + 'static,
        L: Into<Key>,
    {
        move |req| self(req).into().and(other(req))
    }

    /// This key, or the other when this one is missing. When both are, the limiter's own key stands in.
    fn or_else<F, L>(self, other: F) -> impl Fn(&ServiceRequest) -> Key + Send + Sync + 'static
    where
        F: Fn(&ServiceRequest) -> L + Send + Sync + 'static,
        L: Into<Key>,
    {
        move |req| self(req).into().or_else(|| other(req))
    }
}

impl<F, K> KeyExt<K> for F
where
    F: Fn(&ServiceRequest) -> K + Send + Sync + 'static,
    K: Into<Key>,
{
}
