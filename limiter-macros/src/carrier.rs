//! How stacked attributes come together, under whatever name they were imported.
//!
//! The compiler expands the attributes of a handler from top to bottom. Each `#[limit]` and `#[exempt]` only
//! checks its arguments and moves them into a hidden attribute, the carrier, just above the route attribute:
//!
//! ```text
//! #[limit("5/minute")]     #[exempt]                              #[carrier(limit("5/minute"), exempt())]
//! #[exempt]            ->  #[carrier(limit("5/minute"))]  ->      #[get("/")]
//! #[get("/")]              #[get("/")]
//! ```
//!
//! By the time the carrier itself is expanded nothing that stood above it is left: it has the whole rule.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Error, Meta, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
    parse_quote, parse2,
    punctuated::Punctuated,
};

use crate::{exempt::Exempt, expand, handler::Handler, limit::Limit, route};

/// The attributes that are carried.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Limit,
    Exempt,
}

/// Expands `#[limit]` or `#[exempt]`. The handler is put out in any case, with an error after it.
pub(crate) fn attach(kind: Kind, arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut handler: Handler = match parse2(item.clone()) {
        Ok(handler) => handler,
        Err(error) => return with_error(item, &kind.not_a_function(error.span())),
    };
    match carry(Part { kind, arguments }, &mut handler.attrs) {
        Ok(()) => handler.into_token_stream(),
        Err(error) => with_error(&handler, &error),
    }
}

/// Expands the carrier.
pub(crate) fn unload(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let unloaded = parse2(arguments).and_then(|carrier| expand::service(&carrier, parse2(item.clone())?));
    unloaded.unwrap_or_else(|error| with_error(item, &error))
}

fn with_error(item: &impl ToTokens, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#item #error)
}

/// Moves a part into the carrier, which is created when this is the first one.
fn carry(part: Part, attrs: &mut Vec<Attribute>) -> Result<()> {
    let Some(route) = route::position(attrs) else {
        let mut error = part.kind.no_route();
        if let Err(another) = part.check() {
            error.combine(another);
        }
        return Err(error);
    };
    part.check()?;
    let place = attrs.iter().position(Carrier::is);
    let mut carrier = place.map_or_else(|| Ok(Carrier::default()), |index| attrs[index].parse_args())?;
    carrier.add(part)?;
    match place {
        Some(index) => attrs[index] = carrier.attribute(),
        None => attrs.insert(route, carrier.attribute()),
    }
    Ok(())
}

/// What stands in the parentheses of the carrier: `limit(..)` and `exempt(..)`, from top to bottom.
#[derive(Default)]
pub(crate) struct Carrier {
    parts: Punctuated<Part, Token![,]>,
}

impl Carrier {
    fn is(attr: &Attribute) -> bool {
        let segments = attr.path().segments.iter().map(|segment| &segment.ident);
        matches!(attr.meta, Meta::List(_)) && segments.eq(&["limiter_actix", "__private", "carrier"])
    }

    fn attribute(&self) -> Attribute {
        let parts = &self.parts;
        parse_quote!(#[::limiter_actix::__private::carrier(#parts)])
    }

    /// Refuses an exemption that repeats one above it.
    fn add(&mut self, part: Part) -> Result<()> {
        if let Kind::Exempt = part.kind {
            let exempt: Exempt = part.parse()?;
            for earlier in self.parts.iter().filter(|part| matches!(part.kind, Kind::Exempt)) {
                exempt.check_after(earlier.parse()?)?;
            }
        }
        self.parts.push(part);
        Ok(())
    }

    /// The rule of the handler, as an expression of type `Rule`.
    pub(crate) fn rule(&self) -> Result<TokenStream> {
        let calls = self.parts.iter().map(Part::calls).collect::<Result<TokenStream>>()?;
        Ok(quote!(::limiter_actix::__private::Rule::new() #calls))
    }
}

impl Parse for Carrier {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self { parts: Punctuated::parse_terminated(input)? })
    }
}

/// One attribute in the carrier, with its arguments as the user wrote them.
struct Part {
    kind: Kind,
    arguments: TokenStream,
}

impl Part {
    fn parse<T: Parse>(&self) -> Result<T> {
        parse2(self.arguments.clone())
    }

    fn check(&self) -> Result<()> {
        self.calls().map(drop)
    }

    fn calls(&self) -> Result<TokenStream> {
        match self.kind {
            Kind::Limit => self.parse().map(Limit::into_token_stream),
            Kind::Exempt => self.parse().map(Exempt::into_token_stream),
        }
    }
}

impl Parse for Part {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name: Ident = input.parse()?;
        let kind = if name == Kind::Limit.name() { Kind::Limit } else { Kind::Exempt };
        let arguments;
        parenthesized!(arguments in input);
        Ok(Self { kind, arguments: arguments.parse()? })
    }
}

impl ToTokens for Part {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { kind, arguments } = self;
        let name = Ident::new(kind.name(), Span::call_site());
        tokens.extend(quote!(#name(#arguments)));
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Exempt => "exempt",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Limit => "#[limit(\"5/minute\")]",
            Self::Exempt => "#[exempt]",
        }
    }

    fn not_a_function(self, span: Span) -> Error {
        let (name, example) = (self.name(), self.example());
        let message = format!(
            "`#[{name}]` belongs on a handler function: `{example}`, below it `#[get(\"/\")]`, then \
             the function"
        );
        Error::new(span, message)
    }

    fn no_route(self) -> Error {
        let (name, example) = (self.name(), self.example());
        let message = format!(
            "`#[{name}]` must stand above the route attribute: `{example}`, below it `#[get(\"/\")]`, then \
             the function; handlers mounted without a route macro are limited where they are mounted, see \
             the documentation of limiter_actix"
        );
        Error::new(Span::call_site(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler() -> TokenStream {
        quote! {
            #[doc = "x"]
            #[inline]
            #[get("/")]
            #[cold]
            async fn index() -> String { let x = ; }
        }
    }

    #[test]
    fn parts_gather_above_the_route_from_top_to_bottom() {
        let once = attach(Kind::Limit, quote!("5/minute", key = f), &handler());
        let twice = attach(Kind::Exempt, quote!(default), &once);
        let expected = quote! {
            #[doc = "x"]
            #[inline]
            #[::limiter_actix::__private::carrier(limit("5/minute", key = f), exempt(default))]
            #[get("/")]
            #[cold]
        };
        assert!(twice.to_string().starts_with(&expected.to_string()), "{twice}");
    }

    #[test]
    fn a_mistake_leaves_the_handler_and_the_other_parts() {
        let once = attach(Kind::Exempt, quote!(default), &handler());
        for (kind, mistake) in [(Kind::Limit, quote!("5/fortnight")), (Kind::Exempt, quote!(default))] {
            let twice = attach(kind, mistake, &once).to_string();
            assert!(twice.starts_with(&once.to_string()), "{twice}");
            assert!(twice.contains(":: core :: compile_error !"), "{twice}");
        }
    }

    #[test]
    fn without_a_route_the_handler_stays_as_it_is() {
        let item = quote!(
            async fn index() -> String {}
        );
        let tokens = attach(Kind::Limit, quote!("5/minute"), &item).to_string();
        assert!(tokens.starts_with(&item.to_string()), "{tokens}");
        assert!(tokens.contains("must stand above the route attribute"), "{tokens}");
    }
}
