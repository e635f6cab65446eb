//! `#[exempt]`: the limits it lifts.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Error, Path, Result, Token,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// The groups of limits that an exemption can lift, with the constant of `Exempt` for each.
const GROUPS: [(&str, &str); 4] =
    [("default", "DEFAULT"), ("application", "APPLICATION"), ("meta", "META"), ("scopes", "SCOPES")];

/// The arguments of `#[exempt(..)]`, written out as calls of `Rule::exempt`. Without names it lifts all limits.
pub(crate) struct Exempt {
    names: Vec<Ident>,
    /// The path of `limiter_actix`, if it is given.
    pub(crate) crate_path: Option<Path>,
}

impl Parse for Exempt {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let arguments = Punctuated::<_, Token![,]>::parse_terminated_with(input, argument)?;
        let mut exempt = Self { names: Vec::new(), crate_path: None };
        for (name, path) in arguments {
            if path.is_some() {
                exempt.crate_path = path;
                continue;
            }
            if !GROUPS.iter().any(|(known, _)| name == known) {
                return Err(expected(name.span()));
            }
            exempt.add(name)?;
        }
        Ok(exempt)
    }
}

impl Exempt {
    /// Rejects this exemption if it repeats a name of `earlier`, on the same handler.
    pub(crate) fn check_after(&self, earlier: Self) -> Result<()> {
        if self.names.is_empty() || earlier.names.is_empty() {
            let message = "redundant `#[exempt]`: the one without names lifts all limits";
            return Err(Error::new(self.names.first().map_or_else(Span::call_site, Ident::span), message));
        }
        let mut all = earlier;
        self.names.iter().cloned().try_for_each(|name| all.add(name))
    }

    fn add(&mut self, name: Ident) -> Result<()> {
        if self.names.contains(&name) {
            return Err(Error::new(name.span(), format!("duplicate name `{name}`; remove one of them")));
        }
        self.names.push(name);
        Ok(())
    }
}

impl ToTokens for Exempt {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let constant =
            |name: &Ident| GROUPS.iter().find(|(known, _)| name == known).map(|(_, constant)| constant);
        let mut constants: Vec<_> = self.names.iter().filter_map(constant).collect();
        if constants.is_empty() {
            constants.push(&"ALL");
        }
        for constant in constants {
            let constant = Ident::new(constant, Span::call_site());
            tokens.extend(quote!(.exempt(::limiter_actix::__private::Exempt::#constant)));
        }
    }
}

/// Reads a name, with the path after `crate`.
fn argument(input: ParseStream<'_>) -> Result<(Ident, Option<Path>)> {
    let name = input.call(Ident::parse_any).map_err(|_| expected(input.span()))?;
    let path = if name == "crate" { Some(path_after(input)?) } else { None };
    Ok((name, path))
}

/// Reads `= path`.
fn path_after(input: ParseStream<'_>) -> Result<Path> {
    let path = input.parse::<Token![=]>().and_then(|_| input.parse());
    path.map_err(|error| Error::new(error.span(), "expected the path of `limiter_actix`: `crate = my_name`"))
}

fn expected(span: Span) -> Error {
    Error::new(span, "expected `default`, `application`, `meta` or `scopes`, or no name for all of them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(tokens: TokenStream) -> Result<Exempt> {
        syn::parse2(tokens)
    }

    fn expand(tokens: TokenStream) -> String {
        let exempt = parse(tokens).unwrap();
        quote!(#exempt).to_string().replace(":: limiter_actix :: __private :: ", "").replace(' ', "")
    }

    #[test]
    fn names_become_constants() {
        assert_eq!(expand(quote!()), ".exempt(Exempt::ALL)");
        assert_eq!(expand(quote!(default, scopes)), ".exempt(Exempt::DEFAULT).exempt(Exempt::SCOPES)");
    }

    #[test]
    fn the_crate_may_have_another_name() {
        let exempt = parse(quote!(default, crate = ::rate)).unwrap();
        let path = &exempt.crate_path;
        assert_eq!(quote!(#path).to_string(), ":: rate");
        assert_eq!(expand(quote!(crate = rate)), ".exempt(Exempt::ALL)");
        for wrong in [quote!(crate), quote!(crate = "rate"), quote!(crate(rate))] {
            let error = parse(wrong).err().unwrap().to_string();
            assert_eq!(error, "expected the path of `limiter_actix`: `crate = my_name`");
        }
    }

    #[test]
    fn unknown_names_and_strings_are_rejected() {
        for tokens in [quote!(defaults), quote!("default"), quote!(default, 5)] {
            assert!(parse(tokens).err().unwrap().to_string().starts_with("expected `default`"));
        }
    }

    #[test]
    fn nothing_is_named_twice() {
        let twice = "duplicate name `meta`; remove one of them";
        assert_eq!(parse(quote!(meta, default, meta)).err().unwrap().to_string(), twice);
        let meta = || parse(quote!(meta)).unwrap();
        assert_eq!(meta().check_after(meta()).unwrap_err().to_string(), twice);
        assert!(meta().check_after(parse(quote!(default)).unwrap()).is_ok());
        assert!(meta().check_after(parse(quote!()).unwrap()).is_err());
    }
}
