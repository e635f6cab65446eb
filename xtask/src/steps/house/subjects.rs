//! The subjects that people search for, and the sections that answer them.

use super::pages::anchor;

/// Words that people search for, each with the page below `docs` and the heading of its answer, one a line.
const LIST: &str = include_str!("subjects.txt");

/// Returns the words that people search for, each with the place of its answer.
pub(super) fn all() -> Vec<(&'static str, &'static str)> {
    LIST.lines().filter_map(|line| line.split_once(": ")).collect()
}

/// The number of words that an answer has at least.
const MIN_WORDS: usize = 30;

/// Returns whether a section answers a subject: it names it, and has some text.
pub(super) fn is_answer(section: &str, subject: &str) -> bool {
    has_word(section, subject) && section.split_whitespace().count() >= MIN_WORDS
}

/// Returns the heading and the text of a section, with the sections in it.
pub(super) fn section(page: &str, name: &str) -> Option<String> {
    let mut is_code = false;
    let level = |line: &str| line.bytes().take_while(|byte| *byte == b'#').count();
    let mut lines = page.lines().map(|line| {
        is_code ^= line.starts_with("```");
        (if is_code { 0 } else { level(line) }, line)
    });
    let (own, heading) = lines.by_ref().find(|(level, line)| *level > 0 && anchor(line) == name)?;
    let rest = lines.take_while(|(level, _)| *level == 0 || *level > own);
    Some([heading].into_iter().chain(rest.map(|(_, line)| line)).collect::<Vec<_>>().join("\n"))
}

/// Returns whether a text has the word, alone or as the first part of another.
fn has_word(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    let starts = text.match_indices(&word.to_lowercase()).map(|(start, _)| start).collect::<Vec<_>>();
    starts.iter().any(|start| !text[..*start].ends_with(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_a_word() {
        assert!(has_word("# Bans", "ban") && has_word("a ban.", "ban"));
        assert!(!has_word("turban", "ban"));
    }

    #[test]
    fn a_section_ends_with_the_next_of_its_level() {
        let page = "# A\n\n## B\nb\n### C\n```text\n## no heading\n```\nc\n## D\nd";
        let section = section(page, "b").expect("a section");
        assert!(section.starts_with("## B\nb\n### C") && section.ends_with("\nc"), "{section}");
        assert_eq!(super::section(page, "no-heading"), None);
    }
}
