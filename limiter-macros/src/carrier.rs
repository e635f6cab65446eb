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
//!
//! Above a module it is the same with `#[scope]` in the place of the route attribute. The carrier of a module
//! then tells the handlers in it where its rule is, in carriers of theirs; see [`crate::module`].

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Error, Meta, Path, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
    parse_quote, parse2,
    punctuated::Punctuated,
};

use crate::{exempt::Exempt, expand, item::Item, limit::Limit, module};

/// The attributes that are carried.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Limit,
    Exempt,
}

/// Expands `#[limit]` or `#[exempt]`. The item is put out in any case, with an error after it.
pub(crate) fn attach(kind: Kind, arguments: TokenStream, tokens: &TokenStream) -> TokenStream {
    let mut item: Item = match parse2(tokens.clone()) {
        Ok(item) => item,
        Err(error) => return with_error(tokens, &kind.not_a_function(error.span())),
    };
    match carry(Part { kind, arguments }, &mut item) {
        Ok(()) => item.into_token_stream(),
        Err(error) => with_error(&item, &error),
    }
}

/// Expands the carrier.
pub(crate) fn unload(arguments: TokenStream, tokens: &TokenStream) -> TokenStream {
    let unloaded = parse2(arguments).and_then(|carrier| match parse2(tokens.clone())? {
        Item::Handler(handler) => expand::service(&carrier, *handler),
        Item::Module(module) => module::expand(&carrier, &module),
    });
    unloaded.unwrap_or_else(|error| with_error(tokens, &error))
}

fn with_error(item: &impl ToTokens, error: &Error) -> TokenStream {
    let error = error.to_compile_error();
    quote!(#item #error)
}

/// Moves a part into the carrier above the attribute of actix-web.
fn carry(part: Part, item: &mut Item) -> Result<()> {
    let Some(place) = item.place() else {
        let mut error = part.kind.no_place(item);
        if let Err(another) = part.check() {
            error.combine(another);
        }
        return Err(error);
    };
    part.check()?;
    Carrier::change(item.attrs(), place, |carrier| carrier.add(part))
}

/// What stands in the parentheses of the carrier: `within(..)` for each module with a rule around a handler,
/// from the outermost on; then `limit(..)` and `exempt(..)`, from top to bottom.
#[derive(Default)]
pub(crate) struct Carrier {
    around: Vec<Path>,
    parts: Punctuated<Part, Token![,]>,
}

impl Carrier {
    /// Changes the carrier among the attributes; when there is none yet, it is put at `place`.
    fn change(
        attrs: &mut Vec<Attribute>,
        place: usize,
        change: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let found = attrs.iter().position(Self::is);
        let mut carrier = found.map_or_else(|| Ok(Self::default()), |index| attrs[index].parse_args())?;
        change(&mut carrier)?;
        match found {
            Some(index) => attrs[index] = carrier.attribute(),
            None => attrs.insert(place, carrier.attribute()),
        }
        Ok(())
    }

    /// Notes on a handler, whose route attribute stands at `route`, that this module is around it.
    pub(crate) fn put_within(attrs: &mut Vec<Attribute>, route: usize, module: Path) -> Result<()> {
        Self::change(attrs, route, |carrier| {
            carrier.around.push(module);
            Ok(())
        })
    }

    fn is(attr: &Attribute) -> bool {
        let segments = attr.path().segments.iter().map(|segment| &segment.ident);
        matches!(attr.meta, Meta::List(_)) && segments.eq(&["limiter_actix", "__private", "carrier"])
    }

    fn attribute(&self) -> Attribute {
        let Self { around, parts } = self;
        parse_quote!(#[::limiter_actix::__private::carrier(#(within(#around),)* #parts)])
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

    /// The types of the modules around the handler, from the outermost on.
    pub(crate) fn around(&self) -> &[Path] {
        &self.around
    }

    /// The rule of the handler or module, as an expression of type `Rule`.
    pub(crate) fn rule(&self) -> Result<TokenStream> {
        let calls = self.parts.iter().map(Part::calls).collect::<Result<TokenStream>>()?;
        Ok(quote!(::limiter_actix::__private::Rule::new() #calls))
    }
}

impl Parse for Carrier {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut around = Vec::new();
        while input.peek(within) {
            input.parse::<within>()?;
            let module;
            parenthesized!(module in input);
            around.push(module.parse()?);
            input.parse::<Token![,]>()?;
        }
        Ok(Self { around, parts: Punctuated::parse_terminated(input)? })
    }
}

syn::custom_keyword!(within);

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
             the function; or on a module with `#[scope]`"
        );
        Error::new(span, message)
    }

    /// The attribute of actix-web is missing, or stands above.
    fn no_place(self, item: &Item) -> Error {
        let (name, example) = (self.name(), self.example());
        let message = match item {
            Item::Handler(_) => format!(
                "`#[{name}]` must stand above the route attribute: `{example}`, below it `#[get(\"/\")]`, \
                 then the function; handlers mounted without a route macro are limited where they are \
                 mounted, see the documentation of limiter_actix"
            ),
            Item::Module(_) => format!(
                "`#[{name}]` on a module must stand above `#[scope]`: `{example}`, below it \
                 `#[scope(\"/prefix\")]`, then the module"
            ),
        };
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
