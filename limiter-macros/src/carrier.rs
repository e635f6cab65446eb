//! The carrier: a hidden attribute that collects stacked attributes, under whatever name they are imported.
//!
//! The compiler expands the attributes of a handler from top to bottom. Each `#[limit]` and `#[exempt]` checks
//! its arguments and moves them into the carrier, directly above the route attribute:
//!
//! ```text
//! #[limit("5/minute")]     #[exempt]                              #[carrier(limit("5/minute"), exempt())]
//! #[exempt]            ->  #[carrier(limit("5/minute"))]  ->      #[get("/")]
//! #[get("/")]              #[get("/")]
//! ```
//!
//! When the carrier itself is expanded, all attributes above it are gone: it has the whole rule.
//!
//! On a module, `#[scope]` takes the place of the route attribute. The carrier of a module adds the module to
//! the carriers of its handlers; see [`crate::expand::module`].

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, LitStr, Meta, Path, Result, Token, parenthesized,
    parse::{Parse, ParseStream},
    parse_quote, parse2,
    punctuated::Punctuated,
};

use crate::{actix::route, exempt::Exempt, limit::Limit};

/// The attributes that a carrier collects.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Limit,
    Exempt,
}

/// The arguments of the carrier.
///
/// First `within(..)` for each module with a rule around a handler, from the outermost on; then `limit(..)` and
/// `exempt(..)`, from top to bottom.
///
/// Before these, `crate(..)` has the path of `limiter_actix`, if one of them names it.
#[derive(Default)]
pub(crate) struct Carrier {
    crate_path: Option<Path>,
    modules: Vec<Path>,
    parts: Punctuated<Part, Token![,]>,
}

impl Carrier {
    /// Changes the carrier among the attributes. If there is none yet, inserts one at `position`.
    pub(crate) fn change(
        attrs: &mut Vec<Attribute>,
        position: usize,
        change: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let found = attrs.iter().position(Self::is);
        let mut carrier = found.map_or_else(|| Ok(Self::default()), |index| attrs[index].parse_args())?;
        change(&mut carrier)?;
        match found {
            Some(index) => attrs[index] = carrier.attribute(),
            None => attrs.insert(position, carrier.attribute()),
        }
        Ok(())
    }

    /// Adds a module to the carrier of a handler, whose route attribute is at the position `route`. The handler finds
    /// `limiter_actix` where the module does.
    pub(crate) fn add_module(&self, attrs: &mut Vec<Attribute>, route: usize, module: Path) -> Result<()> {
        Self::change(attrs, route, |carrier| {
            carrier.modules.push(module);
            carrier.crate_path = carrier.crate_path.take().or_else(|| self.crate_path.clone());
            Ok(())
        })
    }

    fn is(attr: &Attribute) -> bool {
        // The first segments are the path of `limiter_actix`.
        let mut segments = attr.path().segments.iter().rev().map(|segment| &segment.ident);
        let is_carrier = segments.next().is_some_and(|name| name == "carrier");
        matches!(attr.meta, Meta::List(_))
            && is_carrier
            && segments.next().is_some_and(|it| it == "__private")
    }

    fn attribute(&self) -> Attribute {
        let Self { crate_path, modules, parts } = self;
        let path = crate_path.clone().unwrap_or_else(|| parse_quote!(::limiter_actix));
        let crate_path = crate_path.iter();
        parse_quote!(#[#path::__private::carrier(#(crate(#crate_path),)* #(within(#modules),)* #parts)])
    }

    /// Returns the path of `limiter_actix`, if one of the attributes names it.
    pub(crate) fn crate_path(&self) -> Option<&Path> {
        self.crate_path.as_ref()
    }

    /// Adds a part. Rejects an exemption that repeats one above it.
    pub(crate) fn add(&mut self, part: Part) -> Result<()> {
        if let Kind::Exempt = part.kind {
            let exempt: Exempt = part.parse()?;
            for earlier in self.parts.iter().filter(|part| matches!(part.kind, Kind::Exempt)) {
                exempt.check_after(earlier.parse()?)?;
            }
        }
        self.crate_path = part.crate_path()?.or_else(|| self.crate_path.take());
        self.parts.push(part);
        Ok(())
    }

    /// Returns the types of the modules around the handler, from the outermost on.
    pub(crate) fn modules(&self) -> &[Path] {
        &self.modules
    }

    /// Returns the rule of the handler or module, as an expression of type `Rule`.
    pub(crate) fn rule(&self) -> Result<TokenStream> {
        let calls = self.parts.iter().map(Part::calls).collect::<Result<TokenStream>>()?;
        Ok(quote!(::limiter_actix::__private::Rule::new() #calls))
    }

    /// Rejects methods of limits that no route below takes: such a limit never applies.
    pub(crate) fn check_methods(&self, taken: &[LitStr]) -> Result<()> {
        let limits = self.parts.iter().filter(|part| matches!(part.kind, Kind::Limit));
        for method in
            limits.map(Part::parse::<Limit>).collect::<Result<Vec<_>>>()?.into_iter().flat_map(Limit::methods)
        {
            route::check_method(&method, taken)?;
        }
        Ok(())
    }
}

impl Parse for Carrier {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut modules = Vec::new();
        let crate_path = if input.peek(Token![crate]) {
            input.parse::<Token![crate]>()?;
            let path;
            parenthesized!(path in input);
            let path = path.parse()?;
            input.parse::<Token![,]>()?;
            Some(path)
        } else {
            None
        };
        while input.peek(within) {
            input.parse::<within>()?;
            let module;
            parenthesized!(module in input);
            modules.push(module.parse()?);
            input.parse::<Token![,]>()?;
        }
        Ok(Self { crate_path, modules, parts: Punctuated::parse_terminated(input)? })
    }
}

syn::custom_keyword!(within);

/// One attribute in the carrier, with its arguments as the user wrote them.
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) arguments: TokenStream,
}

impl Part {
    fn parse<T: Parse>(&self) -> Result<T> {
        parse2(self.arguments.clone())
    }

    fn crate_path(&self) -> Result<Option<Path>> {
        match self.kind {
            Kind::Limit => self.parse().map(Limit::crate_path),
            Kind::Exempt => self.parse().map(|exempt: Exempt| exempt.crate_path),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
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
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Exempt => "exempt",
        }
    }

    pub(crate) fn example(self) -> &'static str {
        match self {
            Self::Limit => "#[limit(\"5/minute\")]",
            Self::Exempt => "#[exempt]",
        }
    }
}
