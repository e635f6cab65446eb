//! Settings files of any content: they are valid, or have issues with positions, and nothing panics.

#![no_main]

use std::{env, fs, process};

use libfuzzer_sys::fuzz_target;
use limiter_actix::{BuildError, check_file};

fuzz_target!(|data: &[u8]| {
    let path = env::temp_dir().join(format!("limiter-fuzz-{}.toml", process::id()));
    fs::write(&path, data).expect("there is room for a file");
    if let Err(error) = check_file(&path) {
        assert!(!error.to_string().is_empty());
        if let BuildError::Config(error) = error {
            assert!(!error.issues().is_empty());
        }
    }
});
