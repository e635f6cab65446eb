//! Nothing but tests: `tests/fail` holds mistakes with the message for each, `tests/pass` what must compile.
