//! libFuzzer's hunt through the parser "gateway".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zegel_fuzz::run("gateway", bytes));
