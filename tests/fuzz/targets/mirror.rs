//! libFuzzer's hunt through the parser "mirror".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zegel_fuzz::run("mirror", bytes));
