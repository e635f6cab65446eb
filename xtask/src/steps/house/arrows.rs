//! The arrows between the files of a crate: which uses items of which.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{
    imports,
    modules::{Crate, Module},
    names::Names,
};

/// The names by which a file uses another, with the line of the first use of each.
pub(super) type Uses = BTreeMap<String, usize>;

/// The files of a crate with the arrows between them.
#[derive(Default)]
pub(super) struct Arrows {
    pub(super) files: Vec<String>,
    pub(super) uses: BTreeMap<(usize, usize), Uses>,
    /// Re-exports of names that the file itself does not use.
    pub(super) reexports: BTreeMap<(usize, usize), Uses>,
}

impl Arrows {
    pub(super) fn of(krate: &Crate) -> Self {
        let names = Names::new(krate);
        let mut arrows = Self { files: krate.files.clone(), ..Self::default() };
        for (index, module) in krate.modules.iter().enumerate() {
            let mut reader =
                Reader { names: &names, index, module, arrows: &mut arrows, mentions: BTreeSet::new() };
            for code in &module.code {
                reader.read(code.tokens.clone(), code.self_type.as_deref());
            }
            reader.imports();
        }
        arrows
    }
}

/// Reads the code of one module.
struct Reader<'a> {
    names: &'a Names<'a>,
    index: usize,
    module: &'a Module,
    arrows: &'a mut Arrows,
    /// All words of the code.
    mentions: BTreeSet<String>,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream, self_type: Option<&[String]>) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.read(group.stream(), self_type),
                TokenTree::Ident(word) if word == "use" => at += self.import_within(&tokens[at..]),
                TokenTree::Ident(_) => at += self.path(&tokens, at, self_type),
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads a path that starts at a token, and returns how many more tokens belong to it.
    fn path(&mut self, tokens: &[TokenTree], start: usize, self_type: Option<&[String]>) -> usize {
        let line = tokens[start].span().start().line;
        let mut path = vec![tokens[start].to_string()];
        let mut next = start + 1;
        while is_colons(tokens, next) {
            let Some(TokenTree::Ident(segment)) = tokens.get(next + 2) else { break };
            path.push(segment.to_string());
            next += 3;
        }
        self.mentions.extend(path.iter().cloned());
        match before(tokens, start) {
            Before::Dot if is_call(tokens, next) => {
                if let Some(file) = self.names.method(&path[0]) {
                    self.arrow(file, &format!(".{}()", path[0]), line);
                }
            }
            Before::Nothing => {
                let name = path.join("::");
                if let (Some(self_type), "Self") = (self_type, path[0].as_str()) {
                    path.splice(..1, self_type.iter().cloned());
                }
                let is_import = path.len() == 1 && self.module.names.contains_key(&path[0]);
                if !is_import {
                    for file in self.names.files(self.index, &path) {
                        self.arrow(file, &name, line);
                    }
                }
            }
            _ => {}
        }
        next - 1 - start
    }

    /// Reads a `use` within a function or a macro, and returns how many more tokens belong to it. The `use<..>` of a type
    /// imports nothing.
    fn import_within(&mut self, tokens: &[TokenTree]) -> usize {
        let is = |token: &TokenTree, mark| matches!(token, TokenTree::Punct(it) if it.as_char() == mark);
        let Some(end) = tokens.iter().position(|token| is(token, ';')) else { return 0 };
        if tokens.get(1).is_none_or(|token| is(token, '<')) {
            return 0;
        }
        // In a macro, the crate is `$crate`.
        let import = tokens[..=end].iter().filter(|token| !is(token, '$'));
        if let Ok(item) = syn::parse2(import.cloned().collect()) {
            for import in imports::of(&item) {
                for file in self.names.files(self.index, &import.path) {
                    self.arrow(file, &import.path.join("::"), import.line);
                }
            }
        }
        end
    }

    fn imports(&mut self) {
        for import in &self.module.imports {
            let is_mentioned = import.name.as_ref().is_none_or(|name| self.mentions.contains(name));
            let name = import.path.join("::");
            for file in self.names.files(self.index, &import.path) {
                if is_mentioned || !import.is_reexport {
                    self.arrow(file, &name, import.line);
                } else if file != self.module.file {
                    let uses = self.arrows.reexports.entry((self.module.file, file)).or_default();
                    uses.insert(name.clone(), import.line);
                }
            }
        }
    }

    fn arrow(&mut self, to: usize, name: &str, line: usize) {
        if to != self.module.file {
            let uses = self.arrows.uses.entry((self.module.file, to)).or_default();
            uses.entry(name.into()).or_insert(line);
        }
    }
}

/// The mark before a word.
enum Before {
    Nothing,
    /// The word is a field or a method.
    Dot,
    /// The word is part of something that is no path of this crate.
    Other,
}

fn before(tokens: &[TokenTree], at: usize) -> Before {
    let mark = |back: usize| match at.checked_sub(back).map(|before| &tokens[before]) {
        Some(TokenTree::Punct(it)) => it.as_char(),
        _ => ' ',
    };
    match (mark(2), mark(1)) {
        ('.', '.') => Before::Nothing,
        (_, '.') => Before::Dot,
        (':', ':') | (_, '\'') => Before::Other,
        _ => Before::Nothing,
    }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |at| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

fn is_call(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Group(it)) if it.delimiter() == Delimiter::Parenthesis)
        || is_colons(tokens, at)
}
