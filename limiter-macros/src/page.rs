//! Pages of the documentation as the text of modules, with links between the modules.

use std::{env, fs, path::Path};

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

const REPOSITORY: &str = "https://github.com/actix-limiter/actix-limiter/blob/main/docs/";

/// Returns the text of a page in the folder `docs` of the crate that is compiled.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let text = syn::parse2::<LitStr>(input).and_then(|name| {
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        let file = Path::new(&folder).join("docs").join(name.value());
        let page = fs::read_to_string(&file);
        let page =
            page.map_err(|error| syn::Error::new(name.span(), format!("{}: {error}", file.display())))?;
        Ok(with_modules(&page, &name.value()))
    });
    text.map_or_else(|error| error.to_compile_error(), |text| quote!(#text))
}

/// Lets links to pages lead to their modules.
fn with_modules(page: &str, name: &str) -> String {
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut text = String::with_capacity(page.len());
    let mut parts = page.split("](");
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (link, rest) = part.split_once(')').unwrap_or((part, ""));
        text.extend(["](", &module_link(link, folder), ")", rest]);
    }
    text
}

fn module_link(link: &str, folder: &str) -> String {
    let (path, anchor) =
        link.split_once('#').map_or((link, String::new()), |(path, it)| (path, format!("#{it}")));
    if path.is_empty() || path.contains("://") {
        return link.to_owned();
    }
    let path = match path.strip_prefix("../") {
        Some(path) => path.to_owned(),
        None if folder.is_empty() => path.to_owned(),
        None => format!("{folder}/{path}"),
    };
    match module(&path) {
        Some(module) => format!("../{module}/index.html{anchor}"),
        None => format!("{REPOSITORY}{path}{anchor}"),
    }
}

/// Returns the name of the module of a page. Pages for those who change the code have none.
fn module(path: &str) -> Option<String> {
    let page = path.strip_suffix(".md").filter(|_| !path.starts_with("internals/"))?;
    let name = page.strip_suffix("/index").or_else(|| page.rsplit('/').next())?;
    Some(name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_modules() {
        let page = "[a](keys.md#other-keys), [b](storage/index.md), [c](#here), [d](https://x.y), `f`(g)";
        let expected = "[a](../keys/index.html#other-keys), [b](../storage/index.html), [c](#here), [d](https://x.y), `f`(g)";
        assert_eq!(with_modules(page, "limits.md"), expected);
    }

    #[test]
    fn links_of_pages_in_folders_lead_to_modules() {
        let page = "[a](../log-codes.md#l001), [b](redis.md), [c](../internals/design.md)";
        let expected = format!(
            "[a](../log_codes/index.html#l001), [b](../redis/index.html), [c]({REPOSITORY}internals/design.md)"
        );
        assert_eq!(with_modules(page, "storage/index.md"), expected);
    }
}
