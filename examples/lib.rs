//! Nothing: the examples of limiter-actix stand beside this file.
