use super::Answer;

/// Runs `work` once an answer is ready, even if it is an error, or once its caller drops it: the call may have arrived, and
/// what was remembered meanwhile is out of date too.
pub(super) fn finally<'a, T: Unpin + Send + 'a>(
    answer: Answer<'a, T>,
    work: impl FnOnce() + Send + 'a,
) -> Answer<'a, T> {
    let at_end = AtEnd(Some(work));
    match answer {
        Answer::Ready(answer) => Answer::Ready(answer),
        pending @ Answer::Pending(_) => Answer::Pending(Box::pin(async move {
            let _at_end = at_end;
            pending.await
        })),
    }
}

/// Runs its function when it is dropped.
struct AtEnd<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work();
        }
    }
}
