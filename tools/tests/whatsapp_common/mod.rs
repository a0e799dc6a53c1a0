//! Reading the fixtures, for the tests of read-outs.
#![allow(dead_code, unreachable_pub)]

use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use zegel_tools::whatsapp::{DateOrder, Options, ParseError, Readout, Record, parse};

pub const ANNA: &str = "anna-android-nl/WhatsApp-chat met Dossier Veerhaven.txt";
pub const ANNA_JUNE: &str = "anna-android-nl-june/WhatsApp-chat met Dossier Veerhaven.txt";
pub const BRAM: &str = "bram-ios-nl/_chat.txt";

pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("the bundled zones have it")
}

pub fn amsterdam(date_order: Option<DateOrder>) -> Options {
    Options { time_zone: zone("Europe/Amsterdam"), date_order }
}

pub fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/whatsapp").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn read(file: impl AsRef<[u8]>) -> Result<Readout, ParseError> {
    parse(file.as_ref(), &amsterdam(None))
}

/// Records of a text whose dates decide themselves.
pub fn records(file: impl AsRef<[u8]>) -> Vec<Record> {
    read(file).expect("a chat text").records
}

pub fn text(record: &Record) -> String {
    String::from_utf8_lossy(record.text_trimmed()).into_owned()
}

/// The real read-outs, when they are on this machine; says so loudly when they are not.
pub fn shared(name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("ZEGEL_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
    let path = root.join("data").join(name);
    let file = std::fs::read(&path).ok();
    if file.is_none() {
        eprintln!("SKIPPED: no {}; set ZEGEL_SHARED to test on the real read-outs", path.display());
    }
    file
}
