use actix_web::http::header::HeaderName;

use crate::Limiter;
use crate::response::headers::ietf_draft_11::{RATELIMIT, RATELIMIT_POLICY};

impl Limiter {
    /// The headers that this limiter sets, for `Access-Control-Expose-Headers`: without it a browser does not
    /// show them to a script from another origin. With actix-cors, it goes to `Cors::expose_headers`.
    ///
    /// ```
    /// use limiter_actix::Limiter;
    ///
    /// let limiter = Limiter::builder().headers(true).build()?;
    /// let names = ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    /// assert_eq!(limiter.exposed_headers(), names);
    /// # Ok::<(), limiter_actix::BuildError>(())
    /// ```
    pub fn exposed_headers(&self) -> Vec<HeaderName> {
        let config = self.config();
        let settings = &config.settings.headers;
        let names = settings.names.clone();
        let mut exposed = vec![names.retry_after];
        if settings.which.x_ratelimit {
            exposed.extend([names.limit, names.remaining, names.reset]);
        }
        if settings.which.ietf_draft_11 {
            exposed.extend([RATELIMIT, RATELIMIT_POLICY]);
        }
        exposed.extend(settings.fallback.clone());
        exposed
    }
}
