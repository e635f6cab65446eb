//! The log of both crates: each line is bounded in rate and length, and escaped.
//!
//! All events go through [`event!`](crate::log::event). It takes only a [`Permit`], so that no line is logged without a
//! throttle, and only values of [`Field`], so that no text of a client reaches the log as it is.

mod field;
mod throttle;

pub use self::{
    field::{Field, ShownValue, Verbatim, shown, verbatim},
    throttle::{Permit, Throttle, unthrottled},
};
pub use crate::__event as event;

#[doc(hidden)]
pub use tracing as __tracing;

/// Logs an event, if its throttle permits one.
///
/// The arguments are the permit, the level, an optional `target:`, fields, and the message.
#[doc(hidden)]
#[macro_export]
macro_rules! __event {
    ($permit:expr, $level:ident, target: $target:expr, $($name:ident = $value:expr,)* $message:literal) => {
        if let Some(permit) = $permit {
            $crate::log::__tracing::event!(
                target: $target,
                $crate::log::__tracing::Level::$level,
                code = permit.code(),
                $($name = $crate::log::Field::field($value),)*
                suppressed = permit.suppressed(),
                $message
            );
        }
    };
    ($permit:expr, $level:ident, $($name:ident = $value:expr,)* $message:literal) => {
        $crate::log::event!($permit, $level, target: module_path!(), $($name = $value,)* $message)
    };
}
