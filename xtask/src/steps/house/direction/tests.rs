use super::*;
use crate::steps::house::order::Order;

const ORDER: Order = Order { name: "it", modules: "low\nhigh\nlib" };

fn check_files(files: &[(&str, &str)]) -> Findings {
    let sources = files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
    check(&ORDER, &Crate::read(&sources, &[]).unwrap())
}

#[test]
fn a_program_has_its_root_in_main() {
    let found =
        check_files(&[("main.rs", "mod low; fn main() { low::low(); }"), ("low.rs", "pub fn low() {}")]);
    assert_eq!(found.figures, "2 files, the largest circle has 1");
}

#[test]
fn an_import_against_the_order_is_found() {
    let found = check_files(&[
        ("lib.rs", "mod low; mod high; pub use high::High;"),
        ("low.rs", "use crate::High;\nfn f(_: High) {}"),
        ("high.rs", "pub struct High;"),
    ]);
    assert_eq!(found.against_order, ["low.rs -> high.rs: crate::High (line 1)"]);
    assert_eq!(found.figures, "3 files, the largest circle has 1");
}

#[test]
fn a_file_without_a_place_is_found() {
    let found = check_files(&[("lib.rs", "mod other;"), ("other.rs", "")]);
    assert_eq!(found.unplaced, ["other.rs"]);
}

#[test]
fn a_circle_of_three_is_found_with_its_arrows() {
    let found = check_files(&[
        ("lib.rs", "mod low;"),
        ("low.rs", "mod a; mod b; mod c;"),
        ("low/a.rs", "pub(super) struct A(super::b::B);"),
        ("low/b.rs", "use super::c::C; pub(super) struct B; impl B { fn f() -> C { C } }"),
        ("low/c.rs", "use super::{a}; pub(super) struct C; fn f() { vec![a::A::new()]; }"),
    ]);
    let circle = "3 files:
      low/a.rs -> low/b.rs: super::b::B (line 1)
      low/b.rs -> low/c.rs: super::c::C (line 1)
      low/c.rs -> low/a.rs: a::A::new (line 1)";
    assert_eq!(found.circles, [circle]);
}

#[test]
fn imports_in_macros_and_the_structs_that_they_define_are_found() {
    let found = check_files(&[
        ("lib.rs", "mod low; mod high; pub use high::Made;"),
        (
            "low.rs",
            "macro_rules! low { () => { use $crate::high::Up; } }\n\
             fn f() -> impl Sized + use<> { use crate::high::Side; Side }\nfn g(_: crate::Made) {}",
        ),
        (
            "high.rs",
            "pub struct Up; pub struct Side; macro_rules! made { () => { pub struct Made; } } made!();",
        ),
    ]);
    let arrow =
        "low.rs -> high.rs: crate::Made (line 3), crate::high::Side (line 2), crate::high::Up (line 1)";
    assert_eq!(found.against_order, [arrow]);
}

#[test]
fn a_pair_is_allowed() {
    let found = check_files(&[
        ("lib.rs", "mod low;"),
        ("low.rs", "mod builder; pub use builder::Builder; pub struct Low; fn f() -> Builder { Builder }"),
        ("low/builder.rs", "use super::Low; pub struct Builder; fn f() -> Low { Low }"),
    ]);
    assert!(found.circles.is_empty());
    assert_eq!(found.figures, "3 files, the largest circle has 2");
}

#[test]
fn a_function_counts_for_the_file_that_holds_it() {
    let found = check_files(&[
        ("lib.rs", "mod low; mod high;"),
        (
            "low.rs",
            "pub struct Low;\nfn f(low: Low) { low.rise(); Low::start() }\nimpl Low { fn g() { Self::start() } }",
        ),
        ("high.rs", "use crate::low::Low; impl Low { pub fn rise(&self) {} pub fn start() {} }"),
    ]);
    assert_eq!(
        found.against_order,
        ["low.rs -> high.rs: .rise() (line 2), Low::start (line 2), Self::start (line 3)"]
    );
}

#[test]
fn methods_of_several_types_and_of_traits_are_not_followed() {
    let found = check_files(&[
        ("lib.rs", "mod low; mod high;"),
        (
            "low.rs",
            "struct Low; impl Low { fn rise(&self) {} }\nfn f(low: Low) { low.rise(); low.fall(); low.push() }",
        ),
        (
            "high.rs",
            "pub struct High; trait Fall { fn fall(&self); } \
             impl High { fn rise(&self) {} fn fall(&self) {} fn push(&self) {} }",
        ),
    ]);
    assert!(found.against_order.is_empty());
}

#[test]
fn tests_are_left_out() {
    let found = check_files(&[
        ("lib.rs", "mod low; mod high;"),
        ("low.rs", "#[cfg(test)] mod tests { use crate::high::High; }\n#[cfg(test)] use crate::high::High;"),
        ("high.rs", "pub struct High;"),
    ]);
    assert!(found.against_order.is_empty());
}

#[test]
fn items_are_followed_through_globs_and_parents() {
    let found = check_files(&[
        ("lib.rs", "mod low; mod high;"),
        ("low.rs", "mod deep; use super::high::*; fn f(_: High) {}"),
        ("low/deep.rs", "use super::super::high as up; fn f(_: up::inner::Deep) {}"),
        ("high.rs", "pub struct High; pub mod inner { pub struct Deep; }"),
    ]);
    assert_eq!(
        found.against_order,
        ["low.rs -> high.rs: High (line 1)", "low/deep.rs -> high.rs: up::inner::Deep (line 1)"]
    );
}
