//! The locks and atomics of the memory storage. Under `--cfg limiter_loom` they are those of the model checker.

#[cfg(not(limiter_loom))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(limiter_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize};

#[cfg(limiter_loom)]
pub(crate) use self::model::{Mutex, MutexGuard};
#[cfg(limiter_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, AtomicUsize};

#[cfg(limiter_loom)]
mod model {
    pub(crate) use loom::sync::MutexGuard;

    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("loom does not go on after a panic")
        }
    }
}
