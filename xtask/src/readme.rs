//! The READMEs of the crates: the documentation of each crate as a page, so that it is written once.

use std::{error::Error, fmt::Write, fs};

/// The published crates, each after those it depends on, with the file that has its documentation.
pub(crate) const CRATES: [(&str, &str); 4] = [
    ("limiter-core", "lib.rs"),
    ("limiter-macros", "lib.rs"),
    ("limiter-actix", "lib.rs"),
    ("limiter-cli", "main.rs"),
];

const REPOSITORY: &str = "https://github.com/actix-limiter/actix-limiter";

/// Writes all READMEs.
pub(crate) fn write() -> Result<(), Box<dyn Error>> {
    for (name, file) in CRATES {
        fs::write(path(name), page_of(name, file)?)?;
    }
    Ok(())
}

/// Returns an error that names the READMEs that differ from the documentation.
pub(crate) fn check() -> Result<(), Box<dyn Error>> {
    let mut stale = Vec::new();
    for (name, file) in CRATES {
        if fs::read_to_string(path(name)).unwrap_or_default() != page_of(name, file)? {
            stale.push(path(name));
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    let stale = stale.join(", ");
    Err(format!("{stale}: differs from the documentation of the crate; `cargo xtask readme` writes it")
        .into())
}

fn path(name: &str) -> String {
    format!("{name}/README.md")
}

fn page_of(name: &str, file: &str) -> Result<String, Box<dyn Error>> {
    Ok(page(name, &fs::read_to_string(format!("{name}/src/{file}"))?))
}

fn page(name: &str, source: &str) -> String {
    let mut page = format!("# {name}\n\n");
    let mut is_code = false;
    for line in source.lines().map_while(|line| line.strip_prefix("//!")) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if let Some(language) = line.strip_prefix("```") {
            is_code = !is_code;
            page.push_str(if is_code && language.is_empty() { "```rust\n" } else { "```\n" });
        } else if is_code {
            let is_hidden = line == "#" || line.starts_with("# ");
            if !is_hidden {
                page.push_str(line);
                page.push('\n');
            }
        } else {
            let deeper = if line.starts_with('#') { "#" } else { "" };
            page.extend([deeper, &without_paths(line), "\n"]);
        }
    }
    let licences = format!(
        "[MIT]({REPOSITORY}/blob/main/LICENSE-MIT) or [Apache-2.0]({REPOSITORY}/blob/main/LICENSE-APACHE)"
    );
    write!(page, "\n## Licence\n\n{licences}, at your option.\n").expect("text takes more text");
    page
}

/// Turns links to items of Rust into their text: a page outside of the documentation has no targets for them.
fn without_paths(line: &str) -> String {
    let mut rest = line;
    let mut page = String::new();
    while let Some((before, after)) = rest.split_once('[') {
        let Some((text, after)) = after.split_once(']') else { break };
        let target = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        let (shown, after) = match target {
            Some((target, after)) if target.contains("://") => (format!("[{text}]({target})"), after),
            Some((_, after)) => (text.to_owned(), after),
            None if text.starts_with('`') => (text.to_owned(), after),
            None => (format!("[{text}]"), after),
        };
        page.extend([before, &shown]);
        rest = after;
    }
    page.push_str(rest);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readme_has_the_documentation_without_hidden_lines_and_paths() {
        let source = "\
//! Limits [requests](https://example.com), as a [`Limiter`] and a [list](crate::List).
//!
//! # Use
//!
//! ```
//! # fn hidden() {}
//! #[limit(\"1/day\")]
//! ```

mod private;
";
        let expected = "\
# it

Limits [requests](https://example.com), as a `Limiter` and a list.

## Use

```rust
#[limit(\"1/day\")]
```

## Licence
";
        assert!(page("it", source).starts_with(expected), "{}", page("it", source));
    }
}
