//! The public interface of the libraries, as stored text. It is read from the pages of rustdoc, since its JSON takes a
//! nightly compiler.

use std::{error::Error, fmt::Write, fs, path::Path};

use crate::cargo::target;

const LIBRARIES: [&str; 3] = ["limiter-core", "limiter-macros", "limiter-actix"];

/// Stores the interfaces that the built documentation has.
pub(crate) fn write() -> Result<(), Box<dyn Error>> {
    for name in LIBRARIES {
        fs::write(file(name), of_library(name)?)?;
    }
    Ok(())
}

/// Compares the built documentation with the stored interfaces, and prints the difference.
pub(crate) fn check() -> Result<(), Box<dyn Error>> {
    let mut changed = Vec::new();
    for name in LIBRARIES {
        let stored = fs::read_to_string(file(name)).unwrap_or_default();
        let difference = difference(&stored, &of_library(name)?);
        if !difference.is_empty() {
            println!("{name}:");
            for line in difference {
                println!("  {line}");
            }
            changed.push(file(name));
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let changed = changed.join(", ");
    Err(format!(
        "{changed}: the public interface differs; if that is meant, `cargo xtask interface` stores it"
    )
    .into())
}

fn file(name: &str) -> String {
    format!("{name}/interface.txt")
}

/// The lines that only one of two texts has, each below the item that it belongs to.
fn difference(stored: &str, built: &str) -> Vec<String> {
    let (stored, built) = (with_items(stored), with_items(built));
    let removed = stored.iter().filter(|line| !built.contains(line)).map(|line| format!("- {line}"));
    let added = built.iter().filter(|line| !stored.contains(line)).map(|line| format!("+ {line}"));
    removed.chain(added).collect()
}

fn with_items(text: &str) -> Vec<String> {
    let mut item = "";
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ") {
            Some(line) => lines.push(format!("{item}: {line}")),
            None => item = line,
        }
    }
    lines
}

fn of_library(name: &str) -> Result<String, Box<dyn Error>> {
    let folder = target().join("doc").join(name.replace('-', "_"));
    let list = fs::read_to_string(folder.join("all.html"))?;
    let mut pages: Vec<_> = between(&list, "<a href=\"", "\"").filter(|page| is_item(page)).collect();
    pages.sort_unstable();
    let mut text = String::new();
    for page in pages {
        let item = page.trim_end_matches(".html");
        writeln!(text, "{item}")?;
        for line in lines_of(&fs::read_to_string(Path::new(&folder).join(page))?) {
            writeln!(text, "  {line}")?;
        }
        text.push('\n');
    }
    Ok(text)
}

/// Returns whether a link of the list leads to an item, such as `key/trait.KeyExt.html`.
fn is_item(page: &str) -> bool {
    page.strip_suffix(".html").is_some_and(|item| !item.starts_with('.') && item.contains('.'))
}

/// The declaration on a page, its methods, and the traits that it has, by the alphabet.
fn lines_of(page: &str) -> Vec<String> {
    let page = before(page, &["id=\"synthetic-implementations\"", "id=\"blanket-implementations\""]);
    let own = before(page, &["id=\"trait-implementations\"", "id=\"implementors\"", "id=\"foreign-impls\""]);
    let traits = &page[own.len()..];
    let mut lines = Vec::new();
    for declaration in between(page, "<pre class=\"rust item-decl\"><code>", "</code></pre>").take(1) {
        let declaration = plain(declaration);
        // The methods of a trait follow as headings.
        let is_trait = declaration.starts_with("pub trait");
        let kept = if is_trait { before(&declaration, &["{"]) } else { &declaration };
        lines.push(kept.trim().to_owned());
    }
    lines.extend(headings(own, "h4"));
    lines.extend(
        headings(traits, "h3")
            .filter(|line| line.starts_with("impl") && !line.contains("StructuralPartialEq")),
    );
    lines[1..].sort_unstable();
    lines.dedup();
    lines
}

fn headings<'a>(page: &'a str, level: &str) -> impl Iterator<Item = String> + use<'a> {
    let (start, end) = (format!("<{level} class=\"code-header\">"), format!("</{level}>"));
    let headings: Vec<_> = between(page, &start, &end).map(plain).collect();
    headings.into_iter()
}

/// The texts between each start and the next end.
fn between<'a>(text: &'a str, start: &str, end: &str) -> impl Iterator<Item = &'a str> {
    let parts: Vec<_> = text.split(start).skip(1).collect();
    let end = end.to_owned();
    parts.into_iter().filter_map(move |part| part.split_once(end.as_str()).map(|(inner, _)| inner))
}

/// Cuts the text at the first of the marks.
fn before<'a>(text: &'a str, marks: &[&str]) -> &'a str {
    let end = marks.iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    &text[..end]
}

/// The text of a piece of HTML, in one line.
fn plain(html: &str) -> String {
    let mut text = String::new();
    for part in html.split("<summary").enumerate().map(|(index, part)| match index {
        0 => part,
        _ => part.split_once("</summary>").map_or("", |(_, rest)| rest),
    }) {
        for piece in part.split('<').enumerate() {
            match piece {
                (0, piece) => text.push_str(piece),
                (_, piece) => text.push_str(piece.split_once('>').map_or("", |(_, rest)| rest)),
            }
        }
    }
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&"), ("ⓘ", "")];
    for (entity, character) in entities {
        text = text.replace(entity, character);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
<pre class=\"rust item-decl\"><code>pub struct A&lt;T&gt; { <span class=\"comment\">/* private fields */</span> }</code></pre>
<h2 id=\"implementations\"></h2>
<h3 class=\"code-header\">impl A</h3>
<h4 class=\"code-header\">pub fn <a href=\"#x\">two</a>(
    &amp;self,
) -&gt; u8</h4>
<h4 class=\"code-header\">pub fn one()</h4>
<h2 id=\"trait-implementations\"></h2>
<h3 class=\"code-header\">impl Clone for A</h3>
<h4 class=\"code-header\">fn clone(&amp;self) -&gt; A</h4>
<h2 id=\"synthetic-implementations\"></h2>
<h3 class=\"code-header\">impl Send for A</h3>";

    #[test]
    fn a_page_has_a_declaration_methods_and_traits() {
        let expected = [
            "pub struct A<T> { /* private fields */ }",
            "impl Clone for A",
            "pub fn one()",
            "pub fn two( &self, ) -> u8",
        ];
        assert_eq!(lines_of(PAGE), expected);
    }

    #[test]
    fn a_difference_names_the_item() {
        let stored = "struct.A\n  pub fn one()\n\nstruct.B\n  pub fn one()\n";
        let built = "struct.A\n  pub fn one()\n\nstruct.B\n  pub fn two()\n";
        assert_eq!(difference(stored, built), ["- struct.B: pub fn one()", "+ struct.B: pub fn two()"]);
        assert!(difference(stored, stored).is_empty());
    }
}
