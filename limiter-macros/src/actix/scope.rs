//! The attribute `#[scope]` of actix-web.

use syn::{Attribute, LitStr};

use super::route::named;

/// Returns the position of the first `#[scope]` among the attributes of a module.
pub(crate) fn position(attrs: &[Attribute]) -> Option<usize> {
    attrs.iter().position(is_scope)
}

/// Returns the prefix that all of them put before the paths of the routes.
///
/// The compiler expands the lowest attribute last, so its prefix comes first. Returns `None` if one is
/// malformed: actix-web reports the error.
pub(crate) fn prefix(attrs: &[Attribute]) -> Option<String> {
    let scopes = attrs.iter().rev().filter(|attr| is_scope(attr));
    scopes.map(|scope| scope.parse_args::<LitStr>().ok().map(|prefix| prefix.value())).collect()
}

/// Compares the last segment: `#[scope]`, `#[actix_web::scope]`.
fn is_scope(attr: &Attribute) -> bool {
    named(attr, "scope")
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn prefixes_are_put_together_as_actix_does() {
        let one = [parse_quote!(#[allow(unused)]), parse_quote!(#[actix_web::scope("/v1")])];
        assert_eq!((position(&one), prefix(&one)), (Some(1), Some("/v1".to_owned())));
        let two = [parse_quote!(#[scope("/inner")]), parse_quote!(#[scope("/outer")])];
        assert_eq!(prefix(&two), Some("/outer/inner".to_owned()));
    }

    #[test]
    fn an_unreadable_prefix_is_none() {
        assert_eq!(prefix(&[parse_quote!(#[scope(PREFIX)])]), None);
        assert_eq!(prefix(&[parse_quote!(#[scope])]), None);
    }
}
