//! Finds the messages in the source of a Rust file: strings of log events and of errors.

use proc_macro2::{TokenStream, TokenTree};

/// Returns the strings of messages, each with its line.
pub(super) fn of(text: &str) -> Vec<(usize, String)> {
    let mut messages = Vec::new();
    if let Ok(tokens) = text.parse::<TokenStream>() {
        search(tokens, &mut messages);
    }
    messages
}

fn search(tokens: TokenStream, messages: &mut Vec<(usize, String)>) {
    let mut before = [const { String::new() }; 2];
    for token in tokens {
        if let TokenTree::Group(group) = &token {
            let [first, second] = &before;
            let is_message = (second == "!" && is_macro(first)) || is_function(second);
            if is_message { texts(group.stream(), messages) } else { search(group.stream(), messages) }
        }
        let word = match &token {
            TokenTree::Group(_) => String::new(),
            token => token.to_string(),
        };
        before.swap(0, 1);
        before[1] = word;
    }
}

/// Returns whether a macro of this name takes messages.
fn is_macro(name: &str) -> bool {
    ["debug", "error", "event", "format", "info", "trace", "warn"].contains(&name)
}

/// Returns whether a function or an attribute of this name may take messages, as `Error::new` and `#[error(..)]` do.
fn is_function(name: &str) -> bool {
    ["error", "new", "new_spanned"].contains(&name)
}

fn texts(tokens: TokenStream, messages: &mut Vec<(usize, String)>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => texts(group.stream(), messages),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.contains('"') {
                    // A line that ends in `\` goes on in the next.
                    messages.push((literal.span().start().line, text.replace("\\\n", "\n")));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_events_and_errors_are_messages() {
        let found = of(
            "#[error(\"one {0}\")] struct E(u8);\nfn f() {\n tracing::warn!(a = 1, \"two\"); g(\"no\"); }",
        );
        assert_eq!(found, [(1, "\"one {0}\"".into()), (3, "\"two\"".into())]);
    }
}
