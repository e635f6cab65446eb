//! The tests that are the same for all backends. A backend runs them by `suite!`, and keeps beside them what is
//! its own.

pub(crate) mod abandoned;
pub(crate) mod acceptance;
pub(crate) mod calendar;
pub(crate) mod database;
pub(crate) mod dynamic;
pub(crate) mod exact;
pub(crate) mod faults;
pub(crate) mod kinds;
pub(crate) mod places;
pub(crate) mod plain_thread;
pub(crate) mod refusals;
pub(crate) mod vectors;

/// Makes the tests of a backend, in a module `suite`: all of a server, and those of a database.
macro_rules! suite {
    (server: $server:ty) => {
        $crate::suite::suite! {
            $server:
            abandoned { async dropped_calls_disturb_nobody }
            acceptance { async behind_a_breaker }
            dynamic { async a_spent_count_outlives_many_others }
            exact {
                sync eight_processes_on_one_key,
                sync eight_processes_with_batches_over_three_scopes,
                sync hits_as_one_of_eight_processes,
                async clocks_an_hour_apart_share_a_count
            }
            faults {
                async killed_and_restarted,
                async restarted_between_two_requests,
                async frozen_and_thawed,
                async frozen_while_many_hit,
                async frozen_from_the_start,
                async without_its_data,
                async far_away,
                sync several_runtimes_share_a_storage,
                sync a_probe_survives_its_runtime
            }
            kinds { async agree_with_naive_models }
            places { async last_as_long_as_their_leases }
            plain_thread { sync no_call_panics_outside_of_a_runtime }
            refusals { sync a_prefix_is_plain_and_short }
            vectors { async agrees_with_the_reference, async agrees_with_the_contract }
        }
    };
    (database: $server:ty) => {
        $crate::suite::suite! {
            $server:
            calendar {
                async a_day_ends_by_the_clock_of_the_server,
                async clocks_two_hours_apart_share_a_day
            }
            database {
                async by_the_time_of_the_server,
                async a_lost_expiry_heals,
                async a_reset_leaves_other_prefixes_alone
            }
        }
    };
    ($server:ty: $($module:ident { $($kind:ident $test:ident),* })*) => {
        $(mod $module {
            $($crate::suite::suite! { $kind $server, $module::$test })*
        })*
    };
    (async $server:ty, $module:ident::$test:ident) => {
        #[tokio::test]
        async fn $test() {
            $crate::suite::$module::$test::<$server>().await;
        }
    };
    (sync $server:ty, $module:ident::$test:ident) => {
        #[test]
        fn $test() {
            $crate::suite::$module::$test::<$server>();
        }
    };
}
pub(crate) use suite;
