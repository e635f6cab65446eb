//! The modules of a crate, read from its files: names, imports, inherent functions, and code to look through.

use std::collections::{BTreeMap, HashMap, HashSet};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, ImplItem, Item, ItemImpl, ItemMod, Meta, TraitItem, Type, Visibility};

use super::imports::{self, Import};

/// The text of each file of a crate, by its path below `src`.
pub(super) type Sources = BTreeMap<String, String>;

/// A crate, as far as the question of which file uses which needs it.
#[derive(Default)]
pub(super) struct Crate {
    pub(super) files: Vec<String>,
    pub(super) modules: Vec<Module>,
    /// The file of each item.
    pub(super) items: Vec<usize>,
    /// The names of types and traits, each with its file.
    pub(super) types: Vec<(String, usize)>,
    /// The functions of inherent impl blocks.
    pub(super) functions: Vec<Function>,
    /// The names of functions of traits, declared or implemented here, and of those that other crates offer.
    pub(super) shared_names: HashSet<String>,
}

#[derive(Default)]
pub(super) struct Module {
    pub(super) file: usize,
    pub(super) parent: Option<usize>,
    /// The same name may stand for several things, by namespaces or by `cfg`.
    pub(super) names: HashMap<String, Vec<Name>>,
    pub(super) imports: Vec<Import>,
    pub(super) code: Vec<Code>,
    /// The folder in which its child modules are.
    folder: String,
}

#[derive(Clone)]
pub(super) enum Name {
    Item(usize),
    Module(usize),
    /// An import, by its path.
    Import(Vec<String>),
}

/// The tokens of an item.
pub(super) struct Code {
    pub(super) tokens: TokenStream,
    /// The path that `Self` stands for.
    pub(super) self_type: Option<Vec<String>>,
}

/// A function of an inherent impl block.
pub(super) struct Function {
    /// The module with the block, and the path of the type in it.
    pub(super) module: usize,
    pub(super) self_type: Vec<String>,
    pub(super) name: String,
    pub(super) is_method: bool,
    pub(super) is_public: bool,
}

impl Crate {
    /// Reads the files that are reached from `lib.rs`, or from `main.rs` of a program, without tests.
    ///
    /// `others` are crates it depends on.
    pub(super) fn read(sources: &Sources, others: &[Self]) -> Result<Self, String> {
        let mut read = Self::default();
        read.shared_names.extend(others.iter().flat_map(Self::offered).cloned());
        let root = if sources.contains_key("main.rs") { "main.rs" } else { "lib.rs" };
        read.file(sources, root, None, String::new())?;
        Ok(read)
    }

    /// The names of methods that other crates may call.
    fn offered(&self) -> impl Iterator<Item = &String> {
        let public = self.functions.iter().filter(|it| it.is_method && it.is_public);
        public.map(|it| &it.name).chain(&self.shared_names)
    }

    fn file(
        &mut self,
        sources: &Sources,
        path: &str,
        parent: Option<usize>,
        folder: String,
    ) -> Result<usize, String> {
        let text = sources.get(path).ok_or_else(|| format!("{path} is missing"))?;
        let items = syn::parse_file(text).map_err(|error| format!("{path}: {error}"))?.items;
        self.files.push(path.into());
        self.module(
            sources,
            items,
            Module { file: self.files.len() - 1, parent, folder, ..Module::default() },
        )
    }

    fn module(&mut self, sources: &Sources, items: Vec<Item>, module: Module) -> Result<usize, String> {
        let index = self.modules.len();
        self.modules.push(module);
        for item in items {
            self.item(sources, index, item)?;
        }
        Ok(index)
    }

    fn item(&mut self, sources: &Sources, module: usize, item: Item) -> Result<(), String> {
        if is_test(attributes(&item)) {
            return Ok(());
        }
        let (name, item) = match item {
            Item::Mod(item) => return self.child(sources, module, item),
            Item::Use(item) => {
                self.import(module, &imports::of(&item));
                return Ok(());
            }
            Item::Impl(item) => {
                self.block(module, item);
                return Ok(());
            }
            Item::Const(ref it) => (Some(it.ident.to_string()), item),
            Item::Enum(ref it) => (Some(it.ident.to_string()), item),
            Item::Fn(ref it) => (Some(it.sig.ident.to_string()), item),
            Item::Macro(ref it) => {
                // The module that defines a macro is taken for the one that calls it.
                for name in structs_in(it.mac.tokens.clone()) {
                    self.define_type(module, name);
                }
                (it.ident.as_ref().map(ToString::to_string), item)
            }
            Item::Static(ref it) => (Some(it.ident.to_string()), item),
            Item::Struct(ref it) => (Some(it.ident.to_string()), item),
            Item::Trait(ref it) => {
                self.shared_names.extend(it.items.iter().filter_map(|item| match item {
                    TraitItem::Fn(function) => Some(function.sig.ident.to_string()),
                    _ => None,
                }));
                (Some(it.ident.to_string()), item)
            }
            Item::Type(ref it) => (Some(it.ident.to_string()), item),
            _ => (None, item),
        };
        let is_type = matches!(item, Item::Enum(_) | Item::Struct(_) | Item::Trait(_) | Item::Type(_));
        match name {
            Some(name) if is_type => self.define_type(module, name),
            Some(name) => self.define(module, name),
            None => {}
        }
        self.modules[module].code.push(Code { tokens: item.to_token_stream(), self_type: None });
        Ok(())
    }

    fn define_type(&mut self, module: usize, name: String) {
        self.types.push((name.clone(), self.modules[module].file));
        self.define(module, name);
    }

    fn define(&mut self, module: usize, name: String) {
        self.items.push(self.modules[module].file);
        let item = Name::Item(self.items.len() - 1);
        self.modules[module].names.entry(name).or_default().push(item);
    }

    fn child(&mut self, sources: &Sources, parent: usize, item: ItemMod) -> Result<(), String> {
        let name = item.ident.to_string();
        let folder = format!("{}{name}/", self.modules[parent].folder);
        let child = if let Some((_, items)) = item.content {
            let file = self.modules[parent].file;
            let module = Module { file, parent: Some(parent), folder, ..Module::default() };
            self.module(sources, items, module)?
        } else {
            let file = &self.files[self.modules[parent].file];
            let beside = file.rsplit_once('/').map_or("", |(folder, _)| folder);
            let path = match path_attribute(&item.attrs) {
                Some(path) if beside.is_empty() => path,
                Some(path) => format!("{beside}/{path}"),
                None => format!("{}{name}.rs", self.modules[parent].folder),
            };
            self.file(sources, &path, Some(parent), folder)?
        };
        self.modules[parent].names.entry(name).or_default().push(Name::Module(child));
        Ok(())
    }

    fn import(&mut self, module: usize, imports: &[Import]) {
        let module = &mut self.modules[module];
        for import in imports {
            if let Some(name) = &import.name {
                module.names.entry(name.clone()).or_default().push(Name::Import(import.path.clone()));
            }
        }
        module.imports.extend_from_slice(imports);
    }

    fn block(&mut self, module: usize, mut block: ItemImpl) {
        let self_type = path_of(&block.self_ty);
        block.items.retain(|item| !is_test(attributes_within(item)));
        let functions = block.items.iter().filter_map(|item| match item {
            ImplItem::Fn(it) => Some((it.sig.ident.to_string(), it.sig.receiver().is_some(), &it.vis)),
            ImplItem::Const(it) => Some((it.ident.to_string(), false, &it.vis)),
            _ => None,
        });
        if block.trait_.is_some() {
            self.shared_names.extend(functions.map(|(name, ..)| name));
        } else if let Some(self_type) = &self_type {
            self.functions.extend(functions.map(|(name, is_method, visibility)| Function {
                module,
                self_type: self_type.clone(),
                name,
                is_method,
                is_public: matches!(visibility, Visibility::Public(_)),
            }));
        }
        self.modules[module].code.push(Code { tokens: block.to_token_stream(), self_type });
    }
}

fn path_of(self_type: &Type) -> Option<Vec<String>> {
    match self_type {
        Type::Path(it) if it.qself.is_none() => {
            Some(it.path.segments.iter().map(|segment| segment.ident.to_string()).collect())
        }
        _ => None,
    }
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let value = &attribute.meta.require_name_value().ok()?.value;
    Some(value.to_token_stream().to_string().trim_matches('"').into())
}

/// Returns the names of the structs that a macro defines.
fn structs_in(tokens: TokenStream) -> Vec<String> {
    let (mut names, mut is_name) = (Vec::new(), false);
    for token in tokens {
        let was_keyword = std::mem::replace(&mut is_name, false);
        match token {
            TokenTree::Ident(name) if was_keyword => names.push(name.to_string()),
            TokenTree::Ident(word) => is_name = word == "struct",
            TokenTree::Group(group) => names.extend(structs_in(group.stream())),
            _ => {}
        }
    }
    names
}

/// Returns whether it is compiled for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let holds = |word| has_word(list.tokens.clone(), word);
            holds("test") && !holds("not") && !holds("any")
        }
        meta => meta.path().is_ident("test"),
    })
}

fn has_word(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has_word(group.stream(), word),
        TokenTree::Ident(it) => it == word,
        _ => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

fn attributes_within(item: &ImplItem) -> &[Attribute] {
    match item {
        ImplItem::Const(it) => &it.attrs,
        ImplItem::Fn(it) => &it.attrs,
        ImplItem::Type(it) => &it.attrs,
        _ => &[],
    }
}
