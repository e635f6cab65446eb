//! A client, and how much may have been counted for it.

use limiter_core::storage::StorageError;

use crate::{client::Client, server::Server};

/// Counts a client's hits: each that was answered counts once, each other one at most once.
pub(crate) struct Tally<S: Server> {
    pub(crate) client: Client<S::Storage>,
    answered: u64,
    failed: u64,
}

impl<S: Server> Tally<S> {
    pub(crate) fn new(storage: S::Storage) -> Self {
        Self::of(Client::new(storage))
    }

    /// Counts the hits of this client, from none.
    pub(crate) fn of(client: Client<S::Storage>) -> Self {
        Self { client, answered: 0, failed: 0 }
    }

    /// A client that has been answered once.
    pub(crate) async fn start(storage: S::Storage) -> Self {
        let mut tally = Self::new(storage);
        tally.hit().await;
        tally
    }

    /// Hits and gets an answer, which must be right.
    pub(crate) async fn hit(&mut self) {
        loop {
            let answer = self.client.hit().await;
            if self.is_answered(&answer) {
                return;
            }
            assert!(!S::IS_PROMPT, "there is no answer");
            self.client.recover().await;
        }
    }

    /// Hits once, within the default deadline; returns whether there is an answer, which must be right.
    pub(crate) async fn try_hit(&mut self) -> bool {
        let answer = self.client.try_hit().await;
        self.is_answered(&answer)
    }

    fn is_answered(&mut self, answer: &Result<u64, StorageError>) -> bool {
        match answer {
            Ok(used) => self.check(*used),
            Err(_) => self.failed += 1,
        }
        answer.is_ok()
    }

    /// Hits so often at once; gets no answer.
    pub(crate) async fn fail_at_once(&mut self, times: u64) {
        let answers = self.client.try_at_once(times).await;
        assert!(answers.iter().all(Result::is_err));
        self.failed += times;
    }

    /// Hits until the breaker opens.
    pub(crate) async fn fail(&mut self) {
        self.failed += self.client.fail().await;
    }

    /// Forgets the hits without an answer, which have not reached the server.
    pub(crate) fn forget_failed(&mut self) {
        self.failed = 0;
    }

    /// Begins anew if the server has lost its counts.
    pub(crate) fn follow_restart(&mut self) {
        if !S::KEEPS_COUNTS {
            (self.answered, self.failed) = (0, 0);
        }
    }

    fn check(&mut self, used: u64) {
        self.answered += 1;
        let (answered, failed) = (self.answered, self.failed);
        assert!((answered..=answered + failed).contains(&used), "{used} of {answered}, {failed} failed");
        if S::IS_PROMPT {
            (self.answered, self.failed) = (used, 0);
        }
    }
}
