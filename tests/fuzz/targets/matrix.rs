//! libFuzzer's hunt through the parser "matrix".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zegel_fuzz::run("matrix", bytes));
