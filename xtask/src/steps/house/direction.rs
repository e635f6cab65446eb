//! The direction of imports within a crate: down the order of its modules, and in no circle of files.

use std::{collections::BTreeSet, fmt::Write};

use super::{
    arrows::{Arrows, Uses},
    circles,
    modules::Crate,
    order::Order,
};

/// Two files that use each other are a pair, such as a type and its builder.
const MAX_CIRCLE: usize = 2;

/// The faults of a crate, and its figures.
#[derive(Debug)]
pub(super) struct Findings {
    /// Files that the order has no place for.
    pub(super) unplaced: Vec<String>,
    pub(super) against_order: Vec<String>,
    /// Circles that are too large, each with its arrows.
    pub(super) circles: Vec<String>,
    pub(super) figures: String,
}

pub(super) fn check(order: &Order, krate: &Crate) -> Findings {
    let arrows = Arrows::of(krate);
    let pairs: BTreeSet<_> = arrows.uses.keys().copied().collect();
    let circles = circles::of(arrows.files.len(), &pairs);
    let largest = circles.first().map_or(1, Vec::len);
    Findings {
        unplaced: arrows.files.iter().filter(|file| order.place(file).is_none()).cloned().collect(),
        against_order: against_order(order, &arrows),
        circles: circles.iter().filter(|it| it.len() > MAX_CIRCLE).map(|it| describe(it, &arrows)).collect(),
        figures: format!("{} files, the largest circle has {largest}", arrows.files.len()),
    }
}

fn against_order(order: &Order, arrows: &Arrows) -> Vec<String> {
    let is_wrong = |from: usize, to: usize| {
        let places = order.place(&arrows.files[from]).zip(order.place(&arrows.files[to]));
        places.is_some_and(|(from, to)| !from.may_import(to))
    };
    // A module may pass on what its children hold, wherever those are in the order.
    let reexports = arrows
        .reexports
        .iter()
        .filter(|&(&(from, to), _)| !is_parent(&arrows.files[from], &arrows.files[to]));
    let all = arrows.uses.iter().chain(reexports);
    let wrong = all.filter(|&(&(from, to), _)| is_wrong(from, to));
    wrong.map(|(&pair, uses)| arrow(pair, uses, arrows)).collect()
}

fn is_parent(file: &str, other: &str) -> bool {
    matches!(file, "lib.rs" | "main.rs")
        || file.strip_suffix("rs").is_some_and(|path| other.starts_with(&path.replace('.', "/")))
}

fn describe(circle: &[usize], arrows: &Arrows) -> String {
    let mut text = format!("{} files:", circle.len());
    for (pair, uses) in &arrows.uses {
        if circle.contains(&pair.0) && circle.contains(&pair.1) {
            let _ = write!(text, "\n      {}", arrow(*pair, uses, arrows));
        }
    }
    text
}

fn arrow((from, to): (usize, usize), uses: &Uses, arrows: &Arrows) -> String {
    let names: Vec<_> = uses.iter().map(|(name, line)| format!("{name} (line {line})")).collect();
    format!("{} -> {}: {}", arrows.files[from], arrows.files[to], names.join(", "))
}

#[cfg(test)]
mod tests;
