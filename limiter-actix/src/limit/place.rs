//! Places of limits, and the options without effect there.

use actix_web::http::Method;
use limiter_core::{BanRule, Quota};

use super::{
    Limit,
    callback::{ResponsePredicate, Text},
    options::option_table,
};
use crate::OnStorageFailure;

/// A place where limits are declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitPlace {
    Meta,
    Application,
    Default,
    /// A scope, a route or a resource. All options have an effect there.
    Route,
    /// The limits that replace all others while the storage fails.
    Outage,
    Named,
}

impl LimitPlace {
    /// Returns the adjective of limits there.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Application => "application",
            Self::Default => "default",
            Self::Route => "route",
            Self::Outage => "outage",
            Self::Named => "named",
        }
    }
}

/// A field of an option that has no effect in some places.
trait OptionField {
    /// Returns whether it differs from its default.
    fn is_set(&self, default: &Self) -> bool;
}

impl<T> OptionField for Option<T> {
    fn is_set(&self, _: &Self) -> bool {
        self.is_some()
    }
}

impl<T> OptionField for Vec<T> {
    fn is_set(&self, _: &Self) -> bool {
        !self.is_empty()
    }
}

impl OptionField for bool {
    fn is_set(&self, default: &Self) -> bool {
        self != default
    }
}

/// Finds the options without effect by the table.
macro_rules! find_without_effect {
    ($($field:ident: $type:ty = $default:expr,
        attribute $attribute:literal, code $setter:literal $($more:literal)*
        $(, file $file:literal)? $(, not [$($place:ident)+])?;)*) => {
        impl Limit {
            /// Returns the setter of an option that is set and has no effect at a place.
            pub(crate) fn without_effect(&self, place: LimitPlace) -> Option<&'static str> {
                $($(
                    let default: $type = $default;
                    if [$(LimitPlace::$place),+].contains(&place) && self.$field.is_set(&default) {
                        return Some($setter);
                    }
                )?)*
                None
            }
        }
    };
}

option_table!(find_without_effect);
