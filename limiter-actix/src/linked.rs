//! Functions that few programs need.

use std::sync::OnceLock;

/// A function that is reached through a pointer, so that the linker leaves it out of programs in which nothing links it.
///
/// Whatever makes a function needed, such as a setter, must link it.
pub(crate) struct Linked<F>(OnceLock<F>);

impl<F: Copy> Linked<F> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Links the function, unless that was done before.
    pub(crate) fn link(&self, function: F) {
        let _ = self.0.set(function);
    }

    /// Returns the function, if it is linked.
    pub(crate) fn if_linked(&self) -> Option<F> {
        self.0.get().copied()
    }

    /// Returns the function, where it is needed.
    pub(crate) fn get(&self) -> F {
        self.if_linked().expect("a function is linked before it is needed")
    }
}
