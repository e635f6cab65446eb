//! Counts the words that the prose of comments, messages and pages does without.

use std::{ffi::OsStr, fmt, path::Path};

use super::{comments, messages};

/// Verbs of speech, for software that does not speak.
const BANNED: &[&str] =
    &["ask", "asked", "asking", "asks", "said", "say", "saying", "says", "tell", "telling", "tells", "told"];
const BANNED_PAIRS: &[[&str; 2]] = &[["cannot", "be"], ["unless", "set"]];
/// First words of documentation that name no actor.
const BANNED_STARTS: &[&str] = &["how", "what", "when", "where", "whether", "which", "who", "why"];

/// The files of which only lines behind a mark are prose, by their endings.
const MARKS: &[(&str, &str)] = &[("lua", "--"), ("toml", "#")];

/// A place in a file with what is wrong there.
#[derive(Debug, PartialEq)]
pub(super) struct Offence {
    pub(super) line: usize,
    pub(super) what: String,
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

/// The words of a file, and the offences among them.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) words: usize,
    pub(super) offences: Vec<Offence>,
    /// The number of offences by first words, of which none is let pass.
    pub(super) starts: usize,
}

/// Counts in a file; of Rust, the comments and the messages; of Lua and TOML, the comments.
pub(super) fn of_file(path: &Path, text: &str) -> Count {
    let mut count = Count::default();
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    if let Some((_, mark)) = MARKS.iter().find(|(of, _)| *of == extension) {
        count.add(1, &lines_behind(mark, text), false);
    } else if extension == "rs" {
        for comment in comments::of(text) {
            count.add(comment.line, &comment.text, comment.is_doc);
        }
        for (line, message) in messages::of(text) {
            count.add(line, &message, false);
        }
    } else {
        count.add(1, text, false);
    }
    count.offences.sort_by_key(|offence| offence.line);
    count
}

impl Count {
    fn add(&mut self, first_line: usize, text: &str, is_doc: bool) {
        let words = words(text);
        self.words += words.len();
        let mut offend = |line: usize, what: String| {
            self.offences.push(Offence { line: first_line + line, what });
        };
        if let Some((line, word)) =
            words.first().filter(|(_, word)| is_doc && BANNED_STARTS.contains(&word.as_str()))
        {
            offend(*line, format!("starts with \"{word}\""));
            self.starts += 1;
        }
        for (line, word) in &words {
            if BANNED.contains(&word.as_str()) {
                offend(*line, format!("\"{word}\""));
            }
        }
        for pair in words.windows(2) {
            let [(line, first), (_, second)] = pair else { continue };
            if BANNED_PAIRS.contains(&[first, second]) {
                offend(*line, format!("\"{first} {second}\""));
            }
        }
    }
}

/// Returns the comments of a text, each in the line that it has there.
fn lines_behind(mark: &str, text: &str) -> String {
    let comment = |line: &str| line.trim_start().strip_prefix(mark).unwrap_or_default().to_owned() + "\n";
    text.lines().map(comment).collect()
}

/// The words of a text without its code, in lower case, each with its line from zero.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    let mut is_in_block = false;
    let mut is_in_span = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_in_block = !is_in_block;
            continue;
        }
        if is_in_block {
            continue;
        }
        if line.trim().is_empty() {
            is_in_span = false;
        }
        let prose = without_code(line, &mut is_in_span);
        let parts = prose.split(|it: char| !it.is_alphanumeric() && !"'’".contains(it));
        words.extend(parts.filter(|part| !part.is_empty()).map(|part| (number, part.to_lowercase())));
    }
    words
}

/// Drops spans of code and the targets of links.
fn without_code(line: &str, is_in_span: &mut bool) -> String {
    let mut prose = String::new();
    for (index, part) in line.split('`').enumerate() {
        if index > 0 {
            *is_in_span = !*is_in_span;
        }
        prose.push_str(if *is_in_span { " " } else { part });
    }
    while let Some(start) = prose.find("](") {
        let end = prose[start..].find(')').map_or(prose.len(), |end| start + end + 1);
        prose.replace_range(start..end, "] ");
    }
    prose
}

#[cfg(test)]
mod tests;
