//! Every lie on the list is found by somebody, and the table that says by whom is the one in the threat model.

use std::path::Path;
use zegel_tests::lies::{Cell, all, honest, table};

const BEGIN: &str = "<!-- lies: written by tests/tests/lies.rs -->\n";
const END: &str = "<!-- end of lies -->";

#[test]
fn an_honest_log_has_nothing_to_find() {
    let honest = honest();
    for cell in [&honest.verifier, &honest.auditor, &honest.source, &honest.comparison] {
        assert_eq!(*cell, Cell::Blind(""));
    }
}

#[test]
fn no_lie_goes_unseen_by_all_and_every_cell_says_why() {
    for lie in all() {
        assert!(lie.is_found(), "nobody finds: {lie:?}");
        for cell in [&lie.verifier, &lie.auditor, &lie.source, &lie.comparison] {
            assert_ne!(*cell, Cell::Blind(""), "{}: a cell is empty", lie.what);
        }
    }
}

#[test]
fn the_table_of_the_threat_model_is_what_was_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/threat-model.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (kept, after) = rest.split_once(END).expect("where the table ends");
    let now = table(&all());
    if std::env::var_os("ZEGEL_WRITE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{now}{END}{after}")).expect("the page is written");
        return;
    }
    assert!(
        kept == now,
        "the table is not what the lies show: run ZEGEL_WRITE=1 cargo test --workspace --test lies\n{now}"
    );
}
