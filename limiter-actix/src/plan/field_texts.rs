use std::cell::RefCell;

use actix_web::http::header::HeaderValue;

/// The texts of the IETF fields that are the same for all admitted requests of a plain plan.
pub(crate) struct FieldTexts {
    /// All policies.
    pub(crate) policies: HeaderValue,
    /// The beginning of the item of each limit, up to its remaining amount.
    pub(crate) names: Box<[Box<str>]>,
    /// Room for the states of a request. Its value gets a copy of the very length.
    pub(crate) states: RefCell<String>,
}
