//! Circles: files each of which leads to each other along arrows.

use std::collections::BTreeSet;

/// The circles of two files or more among `files` numbered from zero, the largest first.
pub(super) fn of(files: usize, arrows: &BTreeSet<(usize, usize)>) -> Vec<Vec<usize>> {
    let reached: Vec<_> = (0..files).map(|file| reached_from(file, arrows)).collect();
    let mut circles = Vec::new();
    for file in 0..files {
        let circle: Vec<_> =
            (0..files).filter(|&it| reached[file].contains(&it) && reached[it].contains(&file)).collect();
        if circle.len() > 1 && circle[0] == file {
            circles.push(circle);
        }
    }
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

fn reached_from(start: usize, arrows: &BTreeSet<(usize, usize)>) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(file) = waiting.pop() {
        if reached.insert(file) {
            waiting.extend(arrows.range((file, 0)..(file + 1, 0)).map(|&(_, to)| to));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_lead_to_each_other_are_a_circle() {
        let arrows = BTreeSet::from([(0, 1), (1, 2), (2, 1), (3, 4), (4, 5), (5, 3), (2, 3)]);
        assert_eq!(of(6, &arrows), [vec![3, 4, 5], vec![1, 2]]);
    }

    #[test]
    fn arrows_in_one_direction_are_none() {
        assert!(of(3, &BTreeSet::from([(0, 1), (0, 2), (1, 2)])).is_empty());
    }
}
