//! Names of types: one meaning each in a crate, and no participles.

use std::collections::BTreeMap;

use super::modules::Crate;

/// Several types of one meaning: each storage has its list of notes.
const REPEATED: &[&str] = &["StoredList"];

/// Words that end as participles do. The glossary has the first two, and the last is an adjective.
const ALLOWED: &[&str] = &["Linked", "Shared", "Undecided"];

/// Participles that do not end in "ed".
const IRREGULAR: &[&str] = &[
    "Bound", "Broken", "Found", "Given", "Held", "Kept", "Known", "Lost", "Met", "Seen", "Sent", "Shown",
    "Spent", "Taken", "Told", "Written",
];

/// Returns the names that several types of a crate have, each with its files. A file `no_x.rs` has the types of `x.rs` for
/// programs without a feature.
pub(super) fn repeated(krate: &Crate) -> Vec<String> {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, file) in &krate.types {
        let file = krate.files[*file].as_str();
        if !file.rsplit('/').next().unwrap_or(file).starts_with("no_") && !REPEATED.contains(&name.as_str()) {
            files.entry(name).or_default().push(file);
        }
    }
    files.retain(|_, files| files.len() > 1);
    files.into_iter().map(|(name, files)| format!("{name}: {}", files.join(", "))).collect()
}

/// Returns the names that are a participle and nothing else, each with its file.
pub(super) fn participles(krate: &Crate) -> Vec<String> {
    let is_participle = |(name, _): &&(String, usize)| {
        let is_one_word = name.chars().skip(1).all(char::is_lowercase);
        let has_ending = name.ends_with("ed") || IRREGULAR.contains(&name.as_str());
        is_one_word && has_ending && !ALLOWED.contains(&name.as_str())
    };
    let found = krate.types.iter().filter(is_participle);
    found.map(|(name, file)| format!("{name}: {}", krate.files[*file])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(files: &[(&str, &str)]) -> Crate {
        let sources = files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
        Crate::read(&sources, &[]).unwrap()
    }

    #[test]
    fn a_name_of_two_types_is_found() {
        let krate = types(&[
            (
                "lib.rs",
                "mod low; mod no_low; struct Place; struct Call; macro_rules! m { () => { struct Limit; } }",
            ),
            ("low.rs", "enum Place {} fn call() {} trait Limit {} impl Iterator for Low { type Item = u8; }"),
            ("no_low.rs", "struct Call;"),
        ]);
        assert_eq!(repeated(&krate), ["Limit: low.rs, lib.rs", "Place: low.rs, lib.rs"]);
    }

    #[test]
    fn a_participle_is_found() {
        let krate = types(&[(
            "lib.rs",
            "struct Seen; enum Decided {} type Shared = u8; struct SeenRules; struct Limit;",
        )]);
        assert_eq!(participles(&krate), ["Seen: lib.rs", "Decided: lib.rs"]);
    }
}
