//! The imports of `use`, a path each.

use syn::{Ident, ItemUse, UseTree, Visibility};

/// One name that `use` brings in.
#[derive(Clone)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The name it has in the module; none for `*` and `as _`.
    pub(super) name: Option<String>,
    pub(super) is_glob: bool,
    /// `true` if other modules can import it from here.
    pub(super) is_reexport: bool,
    pub(super) line: usize,
}

pub(super) fn of(item: &ItemUse) -> Vec<Import> {
    let mut imports = Vec::new();
    let is_reexport = !matches!(item.vis, Visibility::Inherited);
    if item.leading_colon.is_none() {
        collect(&item.tree, &mut Vec::new(), is_reexport, &mut imports);
    }
    imports
}

fn collect(tree: &UseTree, prefix: &mut Vec<String>, is_reexport: bool, imports: &mut Vec<Import>) {
    let import = |last: Option<&Ident>, name: Option<String>, line| {
        let mut path = prefix.clone();
        path.extend(last.filter(|last| *last != "self").map(ToString::to_string));
        Import { path, name, is_glob: last.is_none(), is_reexport, line }
    };
    match tree {
        UseTree::Path(it) => {
            prefix.push(it.ident.to_string());
            collect(&it.tree, prefix, is_reexport, imports);
            prefix.pop();
        }
        UseTree::Group(it) => it.items.iter().for_each(|tree| collect(tree, prefix, is_reexport, imports)),
        UseTree::Name(it) => {
            let name = if it.ident == "self" { prefix.last().cloned() } else { Some(it.ident.to_string()) };
            imports.push(import(Some(&it.ident), name, it.ident.span().start().line));
        }
        UseTree::Rename(it) => {
            let name = Some(it.rename.to_string()).filter(|name| name != "_");
            imports.push(import(Some(&it.ident), name, it.ident.span().start().line));
        }
        UseTree::Glob(it) => imports.push(import(None, None, it.star_token.spans[0].start().line)),
    }
}
