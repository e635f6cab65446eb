//! The path of `limiter_actix` in generated code, for dependencies under another name.
//!
//! All code is generated for `::limiter_actix`. Where the user names another path, that takes its place at the end.

use proc_macro2::{Group, Literal, Spacing, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Path;

/// The beginning of all paths in generated code. Nobody else writes it.
const GENERATED: &str = "::limiter_actix::__private";

/// Returns the code with `path` in place of `::limiter_actix`.
pub(crate) fn rename(code: TokenStream, path: Option<&Path>) -> TokenStream {
    match path {
        Some(path) => renamed(code, &path.to_token_stream()),
        None => code,
    }
}

fn renamed(code: TokenStream, path: &TokenStream) -> TokenStream {
    let mut rest: Vec<TokenTree> = code.into_iter().collect();
    let mut code = TokenStream::new();
    rest.reverse();
    while let Some(token) = rest.pop() {
        if begins_path(&token, &rest) {
            // The second colon and the name.
            rest.truncate(rest.len() - 2);
            code.extend(path.clone());
        } else {
            code.extend([inside(token, path)]);
        }
    }
    code
}

/// Returns whether `::limiter_actix::__private` begins at a token. The rest comes from its end on.
fn begins_path(token: &TokenTree, rest: &[TokenTree]) -> bool {
    let mut found = String::new();
    for token in [token].into_iter().chain(rest.iter().rev().take(5)) {
        match token {
            TokenTree::Punct(colon) if colon.as_char() == ':' => found.push(':'),
            TokenTree::Ident(name) => found.push_str(&name.to_string()),
            _ => return false,
        }
    }
    found == GENERATED && matches!(token, TokenTree::Punct(colon) if colon.spacing() == Spacing::Joint)
}

/// Renames within a group, and within a path that `wrap` has as a text.
fn inside(token: TokenTree, path: &TokenStream) -> TokenTree {
    match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), renamed(group.stream(), path));
            inner.set_span(group.span());
            inner.into()
        }
        TokenTree::Literal(text) if text.to_string().starts_with(&format!("\"{GENERATED}::")) => {
            let path = path.to_string().replace(' ', "");
            let mut renamed = Literal::string(
                text.to_string().trim_matches('"').replacen("::limiter_actix", &path, 1).as_str(),
            );
            renamed.set_span(text.span());
            renamed.into()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    #[test]
    fn generated_paths_and_no_others_are_renamed() {
        let code = quote! {
            #[get("/", wrap = "::limiter_actix::__private::witness()")]
            fn a() { ::limiter_actix::__private::Rule::new().key(::limiter_actix::key::path) } ::limiter_actix
        };
        let expected = quote! {
            #[get("/", wrap = "crate::rate::__private::witness()")]
            fn a() { crate::rate::__private::Rule::new().key(::limiter_actix::key::path) } ::limiter_actix
        };
        assert_eq!(rename(code.clone(), Some(&parse_quote!(crate::rate))).to_string(), expected.to_string());
        assert_eq!(rename(code.clone(), None).to_string(), code.to_string());
    }
}
