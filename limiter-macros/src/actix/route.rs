//! The route attributes of actix-web: `#[get]`, `#[post]`, .., `#[route]` and `#[routes]`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Error, Expr, ExprLit, Lit, LitStr, MacroDelimiter, Meta, MetaList, MetaNameValue, Path,
    Result, Token,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token::Paren,
};

const METHODS: [&str; 10] =
    ["get", "post", "put", "delete", "patch", "head", "options", "connect", "trace", "query"];

/// Returns the position of the route attribute among the attributes of a handler.
///
/// `#[trace]`, `#[query]` and others may also be attributes of another crate. An attribute that has a path, as
/// routes do, is therefore preferred to one that only has the name.
pub(crate) fn position(attrs: &[Attribute]) -> Option<usize> {
    readable_position(attrs).or_else(|| attrs.iter().position(is_route))
}

/// Returns the position of the route attribute on a function that may not be a handler.
pub(crate) fn readable_position(attrs: &[Attribute]) -> Option<usize> {
    attrs.iter().position(|attr| named(attr, "routes") || is_route(attr) && parse(attr).is_ok())
}

/// Makes every route attribute wrap its resource in a witness, and returns the routes they declare.
pub(crate) fn add_witness(attrs: &mut [Attribute]) -> Result<Vec<Route>> {
    let Some(first) = position(attrs) else { return Ok(Vec::new()) };
    if !named(&attrs[first], "routes") {
        return Ok(vec![Route::witnessed(&mut attrs[first])?]);
    }
    // `#[routes]` collects the plain `#[get]`, `#[post]`, .. from anywhere on the function.
    let listed = attrs.iter_mut().filter(|attr| is_plain_route(attr));
    listed.map(Route::witnessed).collect()
}

/// Returns the methods that the route attributes of a handler take.
pub(crate) fn methods(attrs: &[Attribute]) -> Vec<LitStr> {
    let has_several = attrs.iter().any(|attr| named(attr, "routes"));
    let listed = attrs.iter().filter(|attr| has_several && is_plain_route(attr));
    let first = position(attrs).map(|first| &attrs[first]).filter(|attr| !named(attr, "routes"));
    let options = |attr| parse(attr).map(|arguments| arguments.options).unwrap_or_default();
    listed.chain(first).flat_map(|attr| methods_of(attr, &options(attr))).collect()
}

/// Rejects a method that is not among those that routes take. HEAD counts as GET.
pub(crate) fn check_method(method: &LitStr, taken: &[LitStr]) -> Result<()> {
    let as_get =
        |method: &LitStr| Some(method.value()).filter(|name| name != "HEAD").unwrap_or("GET".to_owned());
    if taken.is_empty() || taken.iter().any(|other| as_get(other) == as_get(method)) {
        return Ok(());
    }
    let mut names: Vec<_> = taken.iter().map(|method| format!("`{}`", method.value())).collect();
    names.sort_unstable();
    names.dedup();
    let (name, taken) = (method.value(), names.join(", "));
    let message = format!("the limit would never apply: the route takes {taken}, not `{name}`");
    Err(Error::new(method.span(), message))
}

fn is_plain_route(attr: &Attribute) -> bool {
    METHODS.iter().any(|method| attr.path().is_ident(method))
}

fn is_route(attr: &Attribute) -> bool {
    named(attr, "route") || METHODS.iter().any(|method| named(attr, method))
}

/// Compares the last segment: `#[get]`, `#[actix_web::get]`.
pub(crate) fn named(attr: &Attribute, name: &str) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == name)
}

fn parse(attr: &Attribute) -> Result<Arguments> {
    attr.parse_args().map_err(|_| {
        let message = "expected a path, then options: `#[get(\"/path\", name = \"route\")]`";
        Error::new_spanned(attr, message)
    })
}

/// The arguments of a route attribute, with the grammar of actix-web.
struct Arguments {
    path: LitStr,
    options: Punctuated<MetaNameValue, Token![,]>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let path = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Self { path, options: Punctuated::parse_terminated(input)? })
    }
}

/// The route of one attribute, written out as an expression of type `RouteSpec`.
pub(crate) struct Route {
    path: LitStr,
    methods: Vec<LitStr>,
    guards: Vec<Path>,
}

impl Route {
    /// Reads a route attribute and appends the witness to its options: the last wrap is the outermost.
    fn witnessed(attr: &mut Attribute) -> Result<Self> {
        let Arguments { path, options } = parse(attr)?;
        let methods = methods_of(attr, &options);
        let guards = texts(&options, "guard").map(|guard| guard.parse()).collect::<Result<_>>()?;
        attr.meta = Meta::List(MetaList {
            path: attr.path().clone(),
            delimiter: MacroDelimiter::Paren(Paren::default()),
            tokens: {
                let options = options.iter();
                quote!(#path #(, #options)*, wrap = "::limiter_actix::__private::witness()")
            },
        });
        Ok(Self { path, methods, guards })
    }
}

impl ToTokens for Route {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { path, methods, guards } = self;
        tokens.extend(quote! {
            ::limiter_actix::__private::RouteSpec::new(#path) #(.method(#methods))* #(.guard(#guards))*
        });
    }
}

/// Returns the methods of one route attribute with these options.
fn methods_of(attr: &Attribute, options: &Punctuated<MetaNameValue, Token![,]>) -> Vec<LitStr> {
    let name = attr.path().segments.last().map(|segment| &segment.ident);
    let named = name.filter(|name| *name != "route").map(method);
    named.into_iter().chain(texts(options, "method")).collect()
}

fn method(name: &Ident) -> LitStr {
    LitStr::new(&name.to_string().to_ascii_uppercase(), name.span())
}

/// The literal texts of all options of this name. For other values actix-web reports an error.
fn texts(options: &Punctuated<MetaNameValue, Token![,]>, name: &str) -> impl Iterator<Item = LitStr> {
    options.iter().filter(move |option| option.path.is_ident(name)).filter_map(|option| match &option.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn routes(mut attrs: Vec<Attribute>) -> Vec<String> {
        let routes = add_witness(&mut attrs).unwrap();
        let text = |route: &Route| quote!(#route).to_string().replace(' ', "");
        routes.iter().map(text).map(|text| text.replace("::limiter_actix::__private::", "")).collect()
    }

    #[test]
    fn attributes_are_found_by_their_last_segment() {
        assert_eq!(position(&[parse_quote!(#[doc = "x"]), parse_quote!(#[actix_web::get("/")])]), Some(1));
        assert_eq!(position(&[parse_quote!(#[routes]), parse_quote!(#[get("/")])]), Some(0));
        assert_eq!(position(&[parse_quote!(#[allow(unused)]), parse_quote!(#[tokio::test])]), None);
    }

    #[test]
    fn attributes_of_others_with_the_same_name_are_passed_over() {
        assert_eq!(position(&[parse_quote!(#[trace]), parse_quote!(#[get("/")])]), Some(1));
        assert_eq!(position(&[parse_quote!(#[get(path)])]), Some(0));
    }

    #[test]
    fn a_route_has_a_path_methods_and_guards() {
        assert_eq!(
            routes(vec![
                parse_quote!(#[route("/a", method = "GET", name = "n", method = "PURGE", guard = "g::h")])
            ]),
            ["RouteSpec::new(\"/a\").method(\"GET\").method(\"PURGE\").guard(g::h)"]
        );
        assert_eq!(
            routes(vec![
                parse_quote!(#[routes]),
                parse_quote!(#[get("/a")]),
                parse_quote!(#[inline]),
                parse_quote!(#[post("/b",)]),
            ]),
            ["RouteSpec::new(\"/a\").method(\"GET\")", "RouteSpec::new(\"/b\").method(\"POST\")"]
        );
    }

    #[test]
    fn a_limit_names_only_methods_that_the_route_takes() {
        let routes: [&[Attribute]; 4] = [
            &[parse_quote!(#[post("/a")])],
            &[parse_quote!(#[actix_web::route("/a", method = "PURGE", method = "GET")])],
            &[parse_quote!(#[routes]), parse_quote!(#[get("/a")]), parse_quote!(#[put("/b")])],
            &[parse_quote!(#[get(path)])],
        ];
        let rows = [("POST", [true, false, false, false]), ("HEAD", [false, true, true, true])];
        let rows = rows
            .into_iter()
            .chain([("PUT", [false, false, true, false]), ("PURGE", [false, true, false, false])]);
        for (method, expected) in rows {
            let text = LitStr::new(method, proc_macro2::Span::call_site());
            let found = routes.map(|route| check_method(&text, &methods(route)).is_ok());
            assert_eq!(found, expected, "{method}");
        }
    }

    #[test]
    fn the_witness_comes_last() {
        let mut attrs = vec![parse_quote!(#[get("/a", wrap = "Inner", name = "n")])];
        add_witness(&mut attrs).unwrap();
        let expected: Attribute = parse_quote! {
            #[get("/a", wrap = "Inner", name = "n", wrap = "::limiter_actix::__private::witness()")]
        };
        assert_eq!(attrs[0].to_token_stream().to_string(), expected.to_token_stream().to_string());
    }

    #[test]
    fn an_unreadable_route_is_refused() {
        assert!(add_witness(&mut [parse_quote!(#[get(path)])]).is_err());
        assert!(add_witness(&mut [parse_quote!(#[routes]), parse_quote!(#[get("/a" name = "n")])]).is_err());
    }
}
