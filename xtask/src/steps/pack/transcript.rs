//! The program in a page, and what it answers there.

/// Lines for a shell, each with the lines that the page shows below it.
pub(super) struct Transcript {
    pub(super) lines: Vec<(String, Vec<String>)>,
}

/// Returns the first program of the page.
pub(super) fn program(page: &str) -> Option<&str> {
    blocks(page).find(|(language, _)| language.starts_with("rust")).map(|(_, text)| text)
}

impl Transcript {
    /// Returns the first block that calls curl.
    pub(super) fn of(page: &str) -> Option<Self> {
        let (_, block) = blocks(page).find(|(_, text)| text.starts_with("$ curl"))?;
        let mut lines: Vec<(String, Vec<String>)> = Vec::new();
        for line in block.lines() {
            match (line.strip_prefix("$ "), lines.last_mut()) {
                (Some(command), _) => lines.push((command.to_owned(), Vec::new())),
                (None, Some((_, shown))) => shown.push(line.to_owned()),
                (None, None) => {}
            }
        }
        Some(Self { lines })
    }

    /// Returns the first shown line that is not printed. Headers have no order: actix-web keeps them in a hash map.
    pub(super) fn missing<'a>(shown: &'a [String], printed: &str) -> Option<&'a str> {
        let is_printed = |line: &String| printed.lines().any(|it| is_alike(line, it));
        shown.iter().find(|line| !is_printed(line)).map(String::as_str)
    }
}

/// Returns whether a line is as shown. A wait may be shorter: time has passed.
fn is_alike(shown: &str, printed: &str) -> bool {
    let wait =
        |line: &str| line.strip_prefix("retry-after: ").and_then(|wait| wait.trim().parse::<u64>().ok());
    match (wait(shown), wait(printed)) {
        (Some(shown), Some(printed)) => (1..=shown).contains(&printed),
        _ => shown.trim_end() == printed.trim_end(),
    }
}

/// The blocks of code of a page, each with its language.
fn blocks(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# It

```rust,no_run
fn main() {}
```

```console
$ curl /a
found
$ curl -i /a
HTTP/1.1 429
retry-after: 60

{}
```
";

    #[test]
    fn a_page_has_a_program_and_its_lines() {
        assert_eq!(program(PAGE), Some("fn main() {}"));
        let lines = Transcript::of(PAGE).unwrap().lines;
        assert_eq!(lines[0], ("curl /a".to_owned(), vec!["found".to_owned()]));
        assert_eq!(lines[1].1.len(), 4);
    }

    #[test]
    fn each_shown_line_is_printed() {
        let shown = &Transcript::of(PAGE).unwrap().lines[1].1;
        let missing = |printed| Transcript::missing(shown, printed);
        assert_eq!(missing("HTTP/1.1 429\r\nretry-after: 59\r\ndate: x\r\n\r\n{}"), None);
        assert_eq!(missing("HTTP/1.1 200\r\nretry-after: 60\r\n\r\n{}"), Some("HTTP/1.1 429"));
        assert_eq!(missing("HTTP/1.1 429\r\nretry-after: 61\r\n\r\n{}"), Some("retry-after: 60"));
        assert_eq!(missing("HTTP/1.1 429\r\nretry-after: 60\r\n\r\n[]"), Some("{}"));
    }
}
