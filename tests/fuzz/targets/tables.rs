//! libFuzzer's hunt through the parser "tables".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zegel_fuzz::run("tables", bytes));
