//! Finds the comments in the text of a Rust file.

/// A run of comments: lines that follow one another, or a block.
#[derive(Debug, PartialEq)]
pub(super) struct Comment {
    /// The line it starts in, from one.
    pub(super) line: usize,
    /// Its text without the marks, a line each.
    pub(super) text: String,
    /// `true` for the documentation of an item.
    pub(super) is_doc: bool,
}

pub(super) fn of(text: &str) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    let (mut rest, mut line) = (text, 1);
    let mut end_of_last = 0;
    while let Some(start) = next_of_interest(rest) {
        line += newlines(&rest[..start]);
        rest = &rest[start..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            literal(rest)
        };
        if rest.starts_with("//") || rest.starts_with("/*") {
            let comment = read(&rest[..length], line);
            match comments.last_mut() {
                Some(last) if line == end_of_last + 1 && last.is_doc == comment.is_doc => {
                    last.text.push('\n');
                    last.text.push_str(&comment.text);
                }
                _ => comments.push(comment),
            }
            end_of_last = line + newlines(&rest[..length]);
        }
        line += newlines(&rest[..length]);
        rest = &rest[length..];
    }
    comments
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}

/// The next comment or literal that could hold the marks of one.
fn next_of_interest(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_in_word = |at: usize| at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    (0..bytes.len()).find(|&at| match bytes[at] {
        b'"' | b'\'' => true,
        b'/' => matches!(bytes.get(at + 1), Some(b'/' | b'*')),
        b'r' => !is_in_word(at) && hashes_of_raw(&text[at..]).is_some(),
        _ => false,
    })
}

/// The number of `#` of a raw string; none for anything else.
fn hashes_of_raw(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let quoted = after.trim_start_matches('#');
    quoted.starts_with('"').then_some(after.len() - quoted.len())
}

/// The length of the literal at the start; of the mark alone for a lifetime.
fn literal(text: &str) -> usize {
    if let Some(hashes) = hashes_of_raw(text) {
        let open = hashes + 2;
        let end = format!("\"{}", "#".repeat(hashes));
        return text[open..].find(&end).map_or(text.len(), |at| open + at + end.len());
    }
    let quote = text.chars().next().unwrap_or('"');
    if quote == '\'' {
        let mut after = text[1..].chars();
        let first = after.next();
        if first != Some('\\') && after.next() != Some('\'') {
            return 1;
        }
    }
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, it)| {
        let ends = it == quote && !is_escaped;
        is_escaped = it == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

fn read(comment: &str, line: usize) -> Comment {
    let is_doc = ["///", "//!", "/**", "/*!"].iter().any(|mark| comment.starts_with(mark));
    let lines = comment.trim_end_matches("*/").lines();
    let text: Vec<_> = lines.map(|line| line.trim_start().trim_start_matches(['/', '*', '!'])).collect();
    Comment { line, text: text.join("\n"), is_doc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_follow_one_another_are_one_comment() {
        let found = of("/// One\n/// more.\nfn f() {} // two\n\n// three\n");
        let texts: Vec<_> = found.iter().map(|it| (it.line, it.text.as_str(), it.is_doc)).collect();
        assert_eq!(texts, [(1, " One\n more.", true), (3, " two", false), (5, " three", false)]);
    }

    #[test]
    fn marks_within_literals_are_no_comments() {
        let found = of(r##"let a = ("//", '"', r#"" // "#, 'x', b'\'', "\" // "); fn f<'a>() {} /* it */"##);
        assert_eq!(found.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), [" it "]);
    }
}
