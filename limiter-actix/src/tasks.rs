//! Tasks in the background. Boxed, since tokio's code for a task is compiled again for each type of future.

use actix_web::rt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use tokio::{runtime::Handle, task::JoinHandle};

/// Spawns a task of this worker.
pub(crate) fn spawn(task: LocalBoxFuture<'static, ()>) {
    drop(rt::spawn(task));
}

/// Spawns a task that may end in another thread.
pub(crate) fn spawn_on(runtime: &Handle, task: BoxFuture<'static, ()>) -> JoinHandle<()> {
    runtime.spawn(task)
}
