//! Parsers and hostile bytes: none panics, and what is accepted is what is printed. `make fuzz` tries each for minutes.

use std::collections::BTreeSet;
use std::path::Path;
use zegel_tests::fuzz::importers::OF_TOOLS;
use zegel_tests::fuzz::parsers::{OF_VERIFIER, Parser};
use zegel_tests::fuzz::{Dice, Effort, hunt};

fn hunt_all(parsers: &[Parser]) {
    for parser in parsers {
        assert!(hunt(parser.name, &(parser.seeds)(), Effort::asked(parser.inputs), parser.run) > 0);
    }
}

#[test]
fn no_parser_panics_and_what_it_accepts_prints_back_the_same() {
    hunt_all(&OF_VERIFIER);
}

#[test]
fn no_importer_panics_whatever_it_is_given() {
    hunt_all(&OF_TOOLS);
}

#[test]
fn every_parser_is_hunted_by_the_loop_and_has_a_target_of_its_own_and_a_corpus() {
    let all: BTreeSet<&str> = OF_VERIFIER.iter().chain(&OF_TOOLS).map(|parser| parser.name).collect();
    assert_eq!(all.len(), OF_VERIFIER.len() + OF_TOOLS.len());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in all {
        let target = folder.join("fuzz/targets").join(format!("{name}.rs"));
        let text = std::fs::read_to_string(&target).unwrap_or_else(|_| panic!("{} is missing", target.display()));
        assert!(text.contains(&format!("\"{name}\"")), "{} hunts another parser", target.display());
        let corpus = std::fs::read_dir(folder.join("corpus").join(name)).map(Iterator::count);
        assert!(corpus.is_ok_and(|files| files > 0), "{name} has no corpus");
    }
}

#[test]
fn the_hunt_finds_a_parser_that_panics() {
    let naive = |bytes: &[u8]| assert!(bytes.len() < 12 || bytes[10] != b'8', "a length that was not checked");
    let found = std::panic::catch_unwind(|| {
        let mut dice = Dice::new(7);
        (0..20_000).for_each(|_| naive(&dice.changed(&[b"0123456789abcdef".to_vec()])));
    });
    let said = found.expect_err("the hunt finds it");
    assert_eq!(said.downcast_ref::<&str>(), Some(&"a length that was not checked"));
}
