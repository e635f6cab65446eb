//! The pages of the documentation: their links have targets, the site lists them all, and each subject that people
//! search for has its answer.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    fs,
    path::{Component, Path, PathBuf},
};

use super::subjects;

/// The list of the pages of the site.
pub(super) const SUMMARY: &str = "docs/SUMMARY.md";
/// A link with this beginning is one to a file of the project.
const REPOSITORY: &str = "https://github.com/actix-limiter/actix-limiter/blob/main/";

/// The pages of a project, by their paths from its root.
pub(super) struct Pages(HashMap<PathBuf, String>);

impl Pages {
    pub(super) fn read(files: impl IntoIterator<Item = PathBuf>) -> Result<Self, Box<dyn Error>> {
        let pages = files.into_iter().map(|file| Ok((file.clone(), fs::read_to_string(file)?)));
        Ok(Self(pages.collect::<Result<_, Box<dyn Error>>>()?))
    }

    /// Returns the links without a target, each with its page.
    pub(super) fn dead_links(&self, exists: impl Fn(&Path) -> bool) -> Vec<String> {
        let mut dead = Vec::new();
        for (page, text) in &self.0 {
            for link in links(text) {
                let is_dead = target(page, link).is_some_and(|(file, anchor)| match self.0.get(&file) {
                    Some(text) => !anchor.is_empty() && !anchors(text).contains(anchor),
                    None => !exists(&file),
                });
                if is_dead {
                    dead.push(format!("{}: {link}", page.display()));
                }
            }
        }
        dead.sort();
        dead
    }

    /// Returns the pages below the folder of the site that its list lacks.
    pub(super) fn unlisted(&self) -> Vec<String> {
        let summary = Path::new(SUMMARY);
        let list = self.0.get(summary).map_or("", String::as_str);
        let listed: HashSet<_> =
            links(list).filter_map(|link| target(summary, link)).map(|it| it.0).collect();
        let is_of_site = |page: &&PathBuf| page.starts_with("docs") && *page != summary;
        let unlisted = self.0.keys().filter(is_of_site).filter(|page| !listed.contains(*page));
        unlisted.map(|page| page.display().to_string()).collect()
    }

    /// Returns the subjects whose answer is missing, each with the place where it should be.
    pub(super) fn unanswered(&self, subjects: &[(&str, &str)]) -> Vec<String> {
        let section_at = |place: &str| {
            let (page, anchor) = place.split_once('#')?;
            subjects::section(self.0.get(&Path::new("docs").join(page))?, anchor)
        };
        let unanswered = subjects.iter().filter(|(subject, place)| {
            section_at(place).is_none_or(|section| !subjects::is_answer(&section, subject))
        });
        unanswered.map(|(subject, place)| format!("{subject}: {place}")).collect()
    }
}

/// The targets of the links outside of blocks of code.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split("](").skip(1).filter_map(|rest| rest.split([')', '\n']).next()))
}

/// Returns the file that a link leads to and the place in it, if that is one of the project.
fn target<'a>(page: &Path, link: &'a str) -> Option<(PathBuf, &'a str)> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() {
        return Some((page.into(), anchor));
    }
    if let Some(path) = path.strip_prefix(REPOSITORY) {
        return Some((path.into(), anchor));
    }
    let is_elsewhere = path.contains("://") || path.starts_with("mailto:");
    (!is_elsewhere).then(|| (join(page.parent().unwrap_or(Path::new("")), path), anchor))
}

fn join(folder: &Path, path: &str) -> PathBuf {
    let mut file = folder.to_path_buf();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(file.pop()),
            part => file.push(part),
        }
    }
    file
}

/// The names of the headings.
fn anchors(text: &str) -> HashSet<String> {
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    prose.filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// The name of a heading, as the forge and mdBook make it.
pub(super) fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|it| it.is_alphanumeric() || " -_".contains(*it));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(pages: &[(&str, &str)]) -> Pages {
        Pages(pages.iter().map(|(page, text)| (PathBuf::from(page), (*text).to_owned())).collect())
    }

    #[test]
    fn a_link_leads_to_a_file_or_a_heading() {
        let pages = pages(&[
            (
                "docs/a.md",
                "[b](storage/b.md#two-words), [gone](c.md), [no](storage/b.md#three), [x](https://x.y)",
            ),
            (
                "docs/storage/b.md",
                "## Two `words`\n\n```text\n[c](d)\n```\n[a](../a.md) [source](../../src/lib.rs)",
            ),
        ]);
        let dead = pages.dead_links(|file| file == Path::new("src/lib.rs"));
        assert_eq!(dead, ["docs/a.md: c.md", "docs/a.md: storage/b.md#three"]);
    }

    #[test]
    fn links_into_the_repository_lead_to_files() {
        let link = format!("[x]({REPOSITORY}examples/x.rs)");
        assert_eq!(pages(&[("docs/a.md", &link)]).dead_links(|_| false).len(), 1);
    }

    #[test]
    fn the_site_lists_each_page() {
        let pages =
            pages(&[(SUMMARY, "- [A](a.md)"), ("docs/a.md", ""), ("docs/b.md", ""), ("README.md", "")]);
        assert_eq!(pages.unlisted(), ["docs/b.md"]);
    }

    #[test]
    fn a_subject_has_an_answer_where_the_list_says() {
        let prose = "word ".repeat(40);
        let pages = pages(&[("docs/a.md", &format!("# A\n\n## Bans\n\nA ban. {prose}\n\n## Rest\n\nJWT."))]);
        let of = |subject, place| pages.unanswered(&[(subject, place)]);
        assert_eq!(of("ban", "a.md#bans"), [""; 0]);
        assert_eq!(of("JWT", "a.md#bans"), ["JWT: a.md#bans"], "elsewhere");
        assert_eq!(of("JWT", "a.md#rest"), ["JWT: a.md#rest"], "named only");
        assert_eq!(of("ban", "a.md#gone").len() + of("ban", "b.md#bans").len(), 2);
    }
}
