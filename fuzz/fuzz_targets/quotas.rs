//! The notation of quotas: a quota survives printing and parsing, and an error has a position in the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use limiter_core::{Quota, Quotas};

fuzz_target!(|text: &str| {
    match text.parse::<Quotas>() {
        Ok(quotas) => {
            let written = quotas.to_string();
            // Short units are written out, so a text that was barely short enough may become too long.
            if written.len() <= Quotas::MAX_TEXT_LEN {
                assert_eq!(written.parse::<Quotas>().as_ref(), Ok(&quotas));
            }
            for quota in quotas.as_slice() {
                assert_eq!(quota.to_string().parse::<Quota>().as_ref(), Ok(quota));
                assert!(quota.amount() <= Quota::MAX_AMOUNT);
                assert!((1..=Quota::MAX_WINDOW_SECONDS).contains(&quota.window_seconds()));
            }
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.offset()), "{error}");
            assert!(!error.to_string().is_empty());
        }
    }
});
