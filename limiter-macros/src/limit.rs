//! `#[limit]`: quotas, then options.

use limiter_core::{Quotas, Strategy};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Error, Expr, ExprLit, Lit, LitStr, Path, Result, Token,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
    spanned::Spanned as _,
};

use self::{
    option_arg::{is_async_closure, is_constant, parse_async},
    options::{Options, is_flag},
    quota::quotas,
};

mod option_arg;
mod options;
mod quota;
#[macro_use]
mod table;
mod text;

/// The arguments of `#[limit(..)]`, written out as calls of `Rule::limit`, one for each quota, or of `Rule::constant`.
pub(crate) struct Limit {
    first: First,
    options: Options,
}

/// The first argument.
enum First {
    /// Expressions `Limit::new(..)` or `Limit::dynamic(..)`.
    Constructors(Vec<TokenStream>),
    Constant(Expr),
}

impl Parse for Limit {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), "missing quota: `#[limit(\"5/minute\")]`"));
        }
        if input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]) {
            return Err(quota_comes_first(input.fork().call(Ident::parse_any)?.span()));
        }
        let asyncness = parse_async(input)?;
        let first: Expr = input.parse()?;
        let read = read_first(&first, asyncness);
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(read.err().unwrap_or_else(|| input.error("expected `,`, then an option")));
        }
        input.parse::<Option<Token![,]>>()?;
        match (read, input.parse()) {
            (Ok(read), Ok(options)) => {
                check_calendar(&first, &options)?;
                check_concurrent(&first, &options)?;
                Ok(Self { first: read, options })
            }
            (Err(mut error), Err(another)) => {
                error.combine(another);
                Err(error)
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

impl Limit {
    /// Returns the methods that it names, none if it applies to all.
    pub(crate) fn methods(self) -> Vec<LitStr> {
        self.options.methods
    }

    /// Returns the path of `limiter_actix`, if it is given.
    pub(crate) fn crate_path(self) -> Option<Path> {
        self.options.crate_path
    }
}

impl ToTokens for Limit {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let options = &self.options;
        match &self.first {
            First::Constructors(constructors) => tokens.extend(quote!(#(.limit(#constructors #options))*)),
            First::Constant(path) => {
                let name = path.to_token_stream().to_string().replace(' ', "");
                let limit = Ident::new("limit", Span::mixed_site());
                let place =
                    quote_spanned!(path.span()=> ::core::concat!(::core::file!(), ":", ::core::line!()));
                tokens.extend(quote!(.constant(#path, #name, #place, |#limit| #limit #options)));
            }
        }
    }
}

/// Reads the first argument: a string of quotas, a constant, or a function that returns them.
fn read_first(first: &Expr, asyncness: Option<Token![async]>) -> Result<First> {
    match first {
        Expr::Group(group) => read_first(&group.expr, asyncness),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if asyncness.is_none() => {
            let limit = |quota| quote!(::limiter_actix::__private::Limit::new(#quota));
            Ok(First::Constructors(quotas(text)?.into_iter().map(limit).collect()))
        }
        Expr::Path(path) if path.path.get_ident().is_some_and(is_flag) => {
            Err(quota_comes_first(path.path.segments[0].ident.span()))
        }
        Expr::Path(_) if asyncness.is_none() && is_constant(first) => Ok(First::Constant(first.clone())),
        Expr::Path(_) | Expr::Call(_) | Expr::MethodCall(_) | Expr::Closure(_) => {
            let is_async = asyncness.is_some() || is_async_closure(first);
            let name = if is_async { quote!(dynamic_async) } else { quote!(dynamic) };
            Ok(First::Constructors(vec![quote!(::limiter_actix::__private::Limit::#name(#first))]))
        }
        _ if asyncness.is_some() => Err(Error::new_spanned(
            first,
            "expected the path of an async function that returns quotas: `#[limit(async my_limit)]`",
        )),
        _ => Err(Error::new_spanned(
            first,
            "expected a quota in quotes, such as `\"5/minute\"`, or the path of a constant or of a function that \
             returns quotas",
        )),
    }
}

/// Rejects windows that end by the calendar beside a strategy other than the fixed window.
fn check_calendar(first: &Expr, options: &Options) -> Result<()> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = first else { return Ok(()) };
    let Some(strategy) = &options.strategy else { return Ok(()) };
    let quotas: Option<Quotas> = text.value().parse().ok();
    let calendar = quotas.iter().flat_map(Quotas::as_slice).find(|quota| quota.unit().is_calendar());
    match (calendar, strategy.value().parse::<Strategy>()) {
        (Some(quota), Ok(other)) if other != Strategy::FixedWindow => {
            let message = format!("invalid `strategy`: `{quota}` requires `fixed-window`, not `{other}`");
            Err(Error::new(strategy.span(), message))
        }
        _ => Ok(()),
    }
}

/// Rejects options that have no effect on concurrent requests.
fn check_concurrent(first: &Expr, options: &Options) -> Result<()> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = first else { return Ok(()) };
    let Some(option) = &options.of_windows else { return Ok(()) };
    let quotas: Option<Quotas> = text.value().parse().ok();
    let concurrent = quotas.iter().flat_map(Quotas::as_slice).find(|quota| quota.unit().is_concurrent());
    concurrent.map_or(Ok(()), |quota| {
        let message = format!(
            "invalid `{option}`: it has no effect on `{quota}`, which a request frees when it ends; put other quotas into an \
             attribute of their own"
        );
        Err(Error::new(option.span(), message))
    })
}

fn quota_comes_first(span: Span) -> Error {
    Error::new(span, "expected the quota before the options: `#[limit(\"5/minute\", key = my_key)]`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(tokens: TokenStream) -> String {
        let limit: Limit = syn::parse2(tokens).unwrap();
        let text = quote!(#limit).to_string().replace(":: limiter_actix :: __private :: ", "");
        text.replace(' ', "")
    }

    fn error(tokens: TokenStream) -> String {
        syn::parse2::<Limit>(tokens).err().unwrap().to_string()
    }

    #[test]
    fn calendar_windows_are_fixed_ones() {
        let parse = |tokens| syn::parse2::<Limit>(tokens);
        let expanded = parse(quote!("9/calendar day")).unwrap();
        assert!(quote!(#expanded).to_string().contains("CalendarDay"));
        assert!(parse(quote!("9/calendar day", strategy = "fixed-window")).is_ok());
        assert!(parse(quote!("9/day", strategy = "moving-window")).is_ok());
        let error = parse(quote!("5/day; 9/calendar week", strategy = "moving-window")).err().unwrap();
        assert_eq!(
            error.to_string(),
            "invalid `strategy`: `9 per 1 calendar week` requires `fixed-window`, not `moving-window`"
        );
    }

    #[test]
    fn concurrent_requests_have_no_options_of_windows() {
        let parse = |tokens| syn::parse2::<Limit>(tokens);
        let expanded = parse(quote!("5 concurrent; 9/day", key = f, cost = 2, meta = "3/day")).unwrap();
        assert!(
            quote!(#expanded)
                .to_string()
                .replace(' ', "")
                .contains("Quota::new(5u64,1u32,::limiter_actix::__private::Unit::Concurrent)")
        );
        for option in [
            quote!(deduct_when = f),
            quote!(refund_on_drop),
            quote!(keep_used),
            quote!(metered),
            quote!(leases),
            quote!(strategy = "moving-window"),
        ] {
            let error = parse(quote!("9/day; 5 concurrent", #option)).err().unwrap().to_string();
            assert!(error.contains("it has no effect on `5 concurrent`"), "{error}");
            assert!(parse(quote!("9/day", #option)).is_ok());
        }
        let error = parse(quote!("9/day", meta = "5 concurrent")).err().unwrap().to_string();
        assert_eq!(error, "invalid `meta`: expected a quota of breaches in a time, found `5 concurrent`");
    }

    #[test]
    fn each_quota_becomes_a_limit_with_the_same_options() {
        assert_eq!(
            expand(quote!("100/day; 10 per 2 hours", key = f, cost = 2)),
            ".limit(Limit::new(Quota::new(100u64,1u32,Unit::Day)).key(f).cost(2u64))\
             .limit(Limit::new(Quota::new(10u64,2u32,Unit::Hour)).key(f).cost(2u64))"
        );
    }

    #[test]
    fn a_path_becomes_a_dynamic_limit() {
        assert_eq!(expand(quote!(self::tier)), ".limit(Limit::dynamic(self::tier))");
        assert_eq!(expand(quote!(async self::plan)), ".limit(Limit::dynamic_async(self::plan))");
        assert_eq!(expand(quote!(async |_| Q)), ".limit(Limit::dynamic_async(async|_|Q))");
        assert!(error(quote!(async "5/minute")).starts_with("expected the path of an async function"));
        assert_eq!(expand(quote!(tier, shadow)), ".limit(Limit::dynamic(tier).shadow(true))");
    }

    #[test]
    fn a_path_in_upper_case_becomes_a_constant() {
        assert_eq!(
            expand(quote!(limits::LOGINS_2, cost = 2)),
            ".constant(limits::LOGINS_2,\"limits::LOGINS_2\",::core::concat!(::core::file!(),\":\",::core::line!()),\
             |limit|limit.cost(2u64))"
        );
        for path in [quote!(LOGINS::by_plan), quote!(_tier), quote!(Tier)] {
            assert!(expand(path).starts_with(".limit(Limit::dynamic("));
        }
    }

    #[test]
    fn the_crate_may_have_another_name() {
        let parse = |tokens| syn::parse2::<Limit>(tokens);
        let path = parse(quote!("5/minute", crate = deps::rate)).unwrap().crate_path();
        assert_eq!(quote!(#path).to_string(), "deps :: rate");
        assert!(parse(quote!("5/minute")).unwrap().crate_path().is_none());
        assert_eq!(
            expand(quote!("5/day", crate = rate, cost = 2)),
            ".limit(Limit::new(Quota::new(5u64,1u32,Unit::Day)).cost(2u64))"
        );
        for wrong in [quote!(crate = "rate"), quote!(crate), quote!(crate = f())] {
            assert_eq!(
                error(quote!("5/minute", #wrong)),
                "expected the path of `limiter_actix`: `crate = my_name`"
            );
        }
        assert_eq!(
            error(quote!("5/day", crate = a, crate = b)),
            "duplicate option `crate`; remove one of them"
        );
    }

    #[test]
    fn the_quota_is_a_string_before_the_options() {
        assert!(error(quote!()).contains("missing quota"));
        for tokens in [quote!(5 / minute), quote!(5), quote!(5 per minute), quote!(5 / minute, key = f)] {
            assert!(error(tokens).contains("expected a quota in quotes"));
        }
        for tokens in [quote!(key = f), quote!(key = f, "5/minute"), quote!(shadow, "5/minute")] {
            assert!(error(tokens).contains("expected the quota before the options"));
        }
        assert!(error(quote!("5/minute" key = f)).contains("expected `,`"));
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let error = syn::parse2::<Limit>(quote!("5/fortnight", costs = 2, burst = 0)).err().unwrap();
        assert_eq!(error.into_iter().count(), 3);
    }
}
