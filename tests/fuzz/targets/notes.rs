//! libFuzzer's hunt through the parser "notes".
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zegel_fuzz::run("notes", bytes));
