use actix_web::http::header::HeaderName;

use super::ietf_draft_11::{RATELIMIT, RATELIMIT_POLICY};
use crate::Limiter;

impl Limiter {
    /// The headers that this limiter sets, for `Access-Control-Expose-Headers`: without it a browser does not
    /// show them to a script from another origin.
    ///
    /// ```ignore
    /// let cors = actix_cors::Cors::default().expose_headers(limiter.exposed_headers());
    /// let app = App::new().wrap(limiter.clone()).wrap(cors);
    /// ```
    pub fn exposed_headers(&self) -> Vec<HeaderName> {
        let settings = &self.config.settings.headers;
        let names = settings.names.clone();
        let mut exposed = vec![names.retry_after];
        if settings.which.x_ratelimit {
            exposed.extend([names.limit, names.remaining, names.reset]);
        }
        if settings.which.ietf_draft_11 {
            exposed.extend([RATELIMIT, RATELIMIT_POLICY]);
        }
        exposed
    }
}
