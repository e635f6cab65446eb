use super::*;

fn offences(file: &str, text: &str) -> Vec<String> {
    of_file(Path::new(file), text).offences.iter().map(ToString::to_string).collect()
}

#[test]
fn banned_words_are_found_in_comments_and_messages() {
    let text = "// It says so.\nfn f() {\n    tracing::warn!(\"a limit cannot be: {}\", told);\n}\n";
    assert_eq!(offences("a.rs", text), ["1: \"says\"", "3: \"cannot be\""]);
}

#[test]
fn documentation_starts_with_a_verb_or_a_noun() {
    let text = "/// What it is.\n\n/// Returns what it is.\n\n// What else\n\n/// Whether it is.\n";
    assert_eq!(offences("a.rs", text), ["1: starts with \"what\"", "7: starts with \"whether\""]);
}

#[test]
fn code_and_targets_of_links_do_not_count() {
    let count =
        of_file(Path::new("a.md"), "One `tell` [two](tell/say.md)\n```\nask\n```\nthree `a\nask` four\n");
    assert_eq!((count.words, count.offences.len()), (4, 0));
}

#[test]
fn of_lua_and_toml_only_comments_count() {
    assert_eq!(offences("a.lua", "local told = 1\n  -- It is told.\n"), ["2: \"told\""]);
    assert_eq!(offences("Cargo.toml", "ask = 1\n# It asks.\n"), ["2: \"asks\""]);
}

#[test]
fn words_are_found_across_lines() {
    assert_eq!(offences("a.md", "One. Unless\nset, two.\n"), ["1: \"unless set\""]);
}
