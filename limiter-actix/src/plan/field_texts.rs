use actix_web::http::header::HeaderValue;

/// The texts of the IETF fields that are the same for all admitted requests of a plain plan.
pub(crate) struct FieldTexts {
    /// All policies.
    pub(crate) policies: HeaderValue,
    /// The name of each limit, as it begins the item of its state.
    pub(crate) names: Box<[Box<str>]>,
}
