//! Which limits apply, and what their options do.

mod afterwards;
mod all_well;
mod async_functions;
mod breaches;
mod by_name;
mod calendar;
mod callbacks;
mod clear_all;
mod concurrent;
mod contract_table;
mod counts_apart;
mod deduct;
mod dynamic;
mod exemptions;
mod freeing;
mod handler_checks;
mod keep_used;
mod limit_keys;
mod limit_meta;
mod listing;
#[cfg(feature = "lookup")]
mod lookup;
mod matching;
mod meta;
mod metered;
mod metered_reservations;
mod options;
mod overriding;
mod overtaken;
mod probe;
mod refunds;
mod reservations;
mod sharing;
mod switched_off;
mod switches;
mod whole_batches;
