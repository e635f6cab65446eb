use actix_web::http::StatusCode;

/// A problem type (RFC 9457). These are of draft-ietf-httpapi-ratelimit-headers-11, section 5.
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// The identifier of the type. Clients do not fetch it.
    pub(crate) uri: &'static str,
    pub(crate) title: &'static str,
}

impl Problem {
    /// A limit refused.
    pub(crate) const QUOTA_EXCEEDED: Self = Self {
        status: StatusCode::TOO_MANY_REQUESTS,
        uri: "https://iana.org/assignments/http-problem-types#quota-exceeded",
        title: "Quota Exceeded",
    };

    /// A meta limit refused.
    pub(crate) const ABNORMAL_USAGE_DETECTED: Self = Self {
        status: StatusCode::TOO_MANY_REQUESTS,
        uri: "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
        title: "Abnormal Usage Detected",
    };

    /// The client is banned.
    pub(crate) const FORBIDDEN: Self =
        Self { status: StatusCode::FORBIDDEN, uri: "about:blank", title: "Forbidden" };

    /// The client is banned, and the application responds as to a refusal.
    pub(crate) const TOO_MANY_REQUESTS: Self =
        Self { status: StatusCode::TOO_MANY_REQUESTS, uri: "about:blank", title: "Too Many Requests" };

    /// Nothing was decided, and undecided requests do not pass.
    pub(crate) const TEMPORARY_REDUCED_CAPACITY: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        uri: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
        title: "Temporary Reduced Capacity",
    };
}
