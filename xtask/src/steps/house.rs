//! The house: imports go in one direction, types have names of their own, log events are bounded, prose does without the
//! words of a private language, and links have targets.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use self::{
    modules::{Crate, Sources},
    order::Order,
    pages::Pages,
    prose::Count,
};
use super::{Outcome, Step};

mod arrows;
mod circles;
mod comments;
mod direction;
mod imports;
mod log;
mod messages;
mod modules;
mod names;
mod order;
mod pages;
mod promises;
mod prose;
mod subjects;
mod types;

pub(super) const STEP: Step = Step {
    name: "house",
    about: "imports go in one direction, log events are bounded, prose is plain, links have targets",
    ci_only: false,
    run,
};

/// Banned words in 10 000 that are let pass.
const MAX_BANNED: usize = 5;
/// The files that are listed, those with the most banned words.
const LISTED: usize = 10;

fn run() -> Result<Outcome, Box<dyn Error>> {
    let mut failures = Vec::new();
    let mut crates = Vec::new();
    for order in order::CRATES {
        crates.push(Crate::read(&sources(order)?, &crates)?);
        failures.extend(check_direction(order, &crates[crates.len() - 1]));
    }
    failures.extend(check_log()?);
    failures.extend(check_promises()?);
    failures.extend(check_prose()?);
    failures.extend(check_pages()?);
    if failures.is_empty() { Ok(Outcome::Passed) } else { Err(failures.join("; ").into()) }
}

/// Prints each place with a banned word in the given files and folders.
pub(crate) fn list(paths: &[String]) -> Result<(), Box<dyn Error>> {
    for path in paths {
        for file in files_below(Path::new(path))?.iter().filter(|file| is_rust(file) || is_page(file)) {
            let count = prose::of_file(file, &fs::read_to_string(file)?);
            count.offences.iter().for_each(|offence| println!("{}:{offence}", file.display()));
        }
    }
    Ok(())
}

fn sources(order: &Order) -> Result<Sources, Box<dyn Error>> {
    let source = Path::new(order.name).join("src");
    let mut sources = Sources::new();
    for file in files_below(&source)?.iter().filter(|file| is_rust(file)) {
        let path: Vec<_> = file.strip_prefix(&source)?.iter().map(|part| part.to_string_lossy()).collect();
        sources.insert(path.join("/"), fs::read_to_string(file)?);
    }
    Ok(sources)
}

fn check_direction(order: &Order, krate: &Crate) -> Option<String> {
    let found = direction::check(order, krate);
    let name = order.name;
    println!("{name}: {}", found.figures);
    let lists = [
        ("files without a place in the order", &found.unplaced),
        ("arrows against the order", &found.against_order),
        ("circles of files", &found.circles),
        ("names of several types", &types::repeated(krate)),
        ("types named by a participle", &types::participles(krate)),
    ];
    for (title, list) in &lists {
        print_list(title, list);
    }
    let wrong = lists.iter().filter(|(_, list)| !list.is_empty());
    let wrong: Vec<_> = wrong.map(|(title, list)| format!("{} {title}", list.len())).collect();
    (!wrong.is_empty()).then(|| format!("{name}: {}", wrong.join(", ")))
}

fn print_list(title: &str, lines: &[String]) {
    if !lines.is_empty() {
        println!("  {} {title}:", lines.len());
        for line in lines {
            println!("    {line}");
        }
    }
}

fn check_log() -> Result<Option<String>, Box<dyn Error>> {
    let mut raw = Vec::new();
    for name in log::CRATES {
        let files = files_below(&Path::new(name).join("src"))?;
        for file in files.iter().filter(|file| is_rust(file)) {
            raw.extend(log::of_file(file, &fs::read_to_string(file)?));
        }
    }
    println!("log: {} lines without a bound", raw.len());
    print_list("lines of the log without a bound", &raw);
    Ok((!raw.is_empty()).then(|| format!("log: {} lines without a bound", raw.len())))
}

fn check_promises() -> Result<Option<String>, Box<dyn Error>> {
    let mut names = promises::Names::default();
    for order in order::CRATES {
        for file in files_below(Path::new(order.name))?.iter().filter(|file| is_rust(file)) {
            names.add(&file.to_string_lossy(), &fs::read_to_string(file)?);
        }
    }
    let pages = promises::PAGES.map(fs::read_to_string).into_iter().collect::<Result<Vec<_>, _>>()?;
    let tests: Vec<_> = pages.iter().flat_map(|page| promises::tests(page)).collect();
    let missing: Vec<_> = tests.iter().filter(|test| !names.have(test)).map(ToString::to_string).collect();
    println!("promises: {} tests named, {} missing", tests.len(), missing.len());
    print_list("tests that do not exist", &missing);
    Ok((!missing.is_empty()).then(|| format!("promises: {} tests do not exist", missing.len())))
}

fn check_prose() -> Result<Option<String>, Box<dyn Error>> {
    let mut counts = Vec::new();
    for file in pages_and_sources()? {
        counts.push((prose::of_file(&file, &fs::read_to_string(&file)?), file));
    }
    let words: usize = counts.iter().map(|(count, _)| count.words).sum();
    let banned: usize = counts.iter().map(|(count, _)| count.offences.len()).sum();
    println!("prose: {banned} banned of {words} words, {} in 10 000", per_ten_thousand(banned, words));
    counts.retain(|(count, _)| !count.offences.is_empty());
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(count.offences.len()));
    counts.iter().take(LISTED).for_each(|(count, file)| print_count(count, file));
    let starts: usize = counts.iter().map(|(count, _)| count.starts).sum();
    if starts > 0 {
        return Ok(Some(format!("prose: {starts} items whose documentation starts with a question word")));
    }
    let is_good = banned * 10_000 <= MAX_BANNED * words;
    Ok((!is_good).then(|| {
        format!("prose: {} banned in 10 000 words, more than {MAX_BANNED}", per_ten_thousand(banned, words))
    }))
}

fn check_pages() -> Result<Option<String>, Box<dyn Error>> {
    let pages = Pages::read(pages_and_sources()?.into_iter().filter(|file| is_page(file)))?;
    let lists = [
        ("links without a target", pages.dead_links(Path::exists)),
        ("pages that the list of the site lacks", pages.unlisted()),
        ("subjects without an answer", pages.unanswered(&subjects::all())),
    ];
    for (title, list) in &lists {
        print_list(title, list);
    }
    let wrong: Vec<_> = lists.iter().filter(|(_, list)| !list.is_empty()).collect();
    let wrong: Vec<_> = wrong.iter().map(|(title, list)| format!("{} {title}", list.len())).collect();
    println!(
        "pages: {}",
        if wrong.is_empty() { "all links have targets".to_owned() } else { wrong.join(", ") }
    );
    Ok((!wrong.is_empty()).then(|| format!("pages: {}", wrong.join(", "))))
}

fn print_count(count: &Count, file: &Path) {
    println!("  {:>4} of {:>5} words  {}", count.offences.len(), count.words, file.display());
}

fn per_ten_thousand(part: usize, whole: usize) -> String {
    let tenths = part * 100_000 / whole.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn pages_and_sources() -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<_> =
        ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"].map(PathBuf::from).into();
    files.extend(files_below(Path::new("docs"))?.into_iter().filter(|file| is_page(file)));
    for order in order::CRATES {
        let sources = files_below(&Path::new(order.name).join("src"))?;
        files.extend(sources.into_iter().filter(|file| is_rust(file) || is_script(file)));
        files.push(Path::new(order.name).join("Cargo.toml"));
    }
    Ok(files)
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

fn is_script(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "lua")
}

fn is_page(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "md")
}

/// All files in a folder and the folders in it, by name; a file alone is itself.
fn files_below(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        files.extend(files_below(&entry)?);
    }
    Ok(files)
}
