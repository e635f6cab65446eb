//! The number of calls of the user's functions.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use limiter_actix::{Limit, Limits, Quota};
use limiter_test_support::play::{expect, ruled};

/// Functions that count their calls.
#[derive(Clone, Default)]
struct Calls(Arc<[AtomicUsize; 6]>);

impl Calls {
    fn call(&self, function: usize) -> usize {
        self.0[function].fetch_add(1, Relaxed)
    }

    fn made(&self) -> [usize; 6] {
        std::array::from_fn(|function| self.0[function].load(Relaxed))
    }

    /// A limit with all functions that there are but those of refusals.
    fn limit(&self) -> Limit {
        let all: [Self; 4] = std::array::from_fn(|_| self.clone());
        let [key, cost, exempt, shared] = all;
        let limit = Limit::new(Quota::per_minute(2)).key(move |_| {
            key.call(0);
            "k"
        });
        let limit = limit.cost_with(move |_| {
            cost.call(1);
            1
        });
        let limit = limit.exempt_when(move |_| {
            exempt.call(2);
            false
        });
        limit.shared_with(move |_| {
            shared.call(3);
            "s"
        })
    }
}

#[test]
fn functions_are_called_once_per_request() {
    let calls = Calls::default();
    let (limit, of_filter, of_limiter) = (calls.limit(), calls.clone(), calls.clone());
    expect(
        |it| {
            let filtered = it.request_filter(move |_| {
                of_filter.call(4);
                false
            });
            filtered.application_limits("9/minute").key(move |_| {
                of_limiter.call(5);
                "limiter"
            })
        },
        |app| {
            app.service(ruled("/a", limit, "a"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429")],
    );
    assert_eq!(calls.made(), [3; 6]);
}

/// A request that is exempt has no charge that would show that its limits are decided.
#[test]
fn a_function_that_exempts_is_called_once_per_request() {
    let calls = Calls::default();
    let counter = calls.clone();
    let limit = Limit::new(Quota::per_minute(2)).exempt_when(move |_| {
        counter.call(0);
        true
    });
    expect(
        |it| it.application_limits("9/minute"),
        |app| {
            app.service(ruled("/a", limit, "a"));
        },
        &[(0.0, "GET /a", "", "200"); 3],
    );
    assert_eq!(calls.made(), [3, 0, 0, 0, 0, 0]);
}

#[test]
fn functions_are_called_once_by_a_limit_with_meta_limits() {
    let calls = Calls::default();
    let limit = calls.limit().meta(Quota::per_day(9));
    expect(
        |it| it,
        |app| {
            app.service(ruled("/a", limit, "a"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429")],
    );
    assert_eq!(calls.made(), [3, 3, 3, 3, 0, 0]);
}

#[test]
fn functions_of_refusals_are_called_for_the_named_limit_only() {
    let calls = Calls::default();
    let refusing = |quota: &str, function: usize| {
        let (message, answer) = (calls.clone(), calls.clone());
        let limit = Limit::new(quota).error_message_with(move |_| {
            message.call(function);
            "slow down"
        });
        limit.on_breach(move |_, _| {
            answer.call(function + 1);
            None
        })
    };
    let both = [refusing("1/hour", 0), refusing("1/minute", 2)];
    expect(
        |it| it,
        |app| {
            app.service(ruled("/a", Limits::from(both), "a"));
        },
        &[(0.0, "GET /a", "", "200"), (0.0, "GET /a", "", "429 'slow down'")],
    );
    assert_eq!(calls.made(), [1, 1, 0, 0, 0, 0]);
}
