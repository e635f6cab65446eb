//! Finds the pattern of a path without trying all patterns of an app in turn.
//!
//! actix routes by trying one pattern after another, and its resource map answers in the same way. To ask it
//! would double what routing costs, which in a large app is most of a request. So the patterns are read from the
//! map once, and of them only those are tried that begin with the same segments as the path.

mod prefix_tree;
mod resource_map;
mod simple;

use std::sync::Arc;

use actix_web::dev::{ResourceDef, ResourceMap};

use self::{prefix_tree::PrefixTree, simple::Simple};

/// The patterns of an app, in the order and nesting in which actix tries them.
pub(crate) struct PatternIndex(Node);

struct Node {
    pattern: ResourceDef,
    simple: Option<Simple>,
    /// With those of the scopes around it.
    full: Arc<str>,
    /// None for a resource.
    inside: Option<Inside>,
}

/// What lies in a scope.
struct Inside {
    nodes: Vec<Node>,
    choice: PrefixTree,
}

impl PatternIndex {
    /// Those of an app; none when they cannot be read, and the map must be asked each time.
    pub(crate) fn of(map: &ResourceMap) -> Option<Self> {
        let patterns = resource_map::read(map).map(|root| Self(Node::new(root, "")));
        if patterns.is_none() {
            tracing::debug!(
                "the patterns of the app cannot be read: paths cost a search of its resource map"
            );
        }
        patterns
    }

    /// What [`ResourceMap::match_pattern`] answers.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<str>> {
        let taken = self.0.taken(path)?;
        self.0.resource(&path[taken..]).map(|node| Arc::clone(&node.full))
    }
}

impl Node {
    fn new(read: resource_map::MapNode, around: &str) -> Self {
        let full = format!("{around}{}", read.pattern.pattern().unwrap_or_default());
        let inside = read.inside.map(|nodes| Inside {
            choice: PrefixTree::of(nodes.iter().map(|node| &node.pattern)),
            nodes: nodes.into_iter().map(|node| Self::new(node, &full)).collect(),
        });
        Self { simple: Simple::of(&read.pattern), pattern: read.pattern, full: full.into(), inside }
    }

    /// How many bytes of a path are taken by the pattern of this node.
    fn taken(&self, path: &str) -> Option<usize> {
        match &self.simple {
            Some(simple) => simple.find_match(path),
            None => self.pattern.find_match(path),
        }
    }

    /// The resource that a path leads to of which this node has taken all but the rest. Of what lies in a scope,
    /// the first whose own pattern matches decides, even where the path is of nothing in it.
    fn resource(&self, rest: &str) -> Option<&Self> {
        let Some(Inside { nodes, choice }) = &self.inside else { return Some(self) };
        let mut candidates = choice.candidates(rest).into_iter().map(|place| &nodes[place]);
        let (node, taken) = candidates.find_map(|node| Some((node, node.taken(rest)?)))?;
        node.resource(&rest[taken..])
    }
}

#[cfg(test)]
mod tests;
