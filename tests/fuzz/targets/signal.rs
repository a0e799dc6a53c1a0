//! libFuzzer's hunt through the parser "signal".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zegel_fuzz::run("signal", bytes));
