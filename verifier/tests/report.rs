//! The page for people: what it says, what it hides, and that nothing a stranger wrote runs in it.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

mod maker;

use maker::*;
use std::fs;
use std::process::Command;
use tempfile::TempDir;
use zegel_proto::v1::RedactionItem;
use zegel_verifier::commit::CoveredUnit;
use zegel_verifier::kinds::chat;

const HOSTILE: &str =
    "<script>window.xss=1</script> \u{202e}moc.live \u{1b}[2J \"><img src=x onerror=alert(1)> =cmd|'/c calc'!A1";

/// A log with a hostile message, one with two covered words, and one withheld.
fn log() -> (Log, Plan) {
    let mut log = Log::with_messages(1);
    let events = vec![
        log.message(CONVERSATION, 1, HOSTILE),
        log.message(CONVERSATION, 2, "bel Karel Jansen morgen"),
        log.message(CONVERSATION, 3, "strikt persoonlijk"),
    ];
    let entry = log.batch(Who::Source, events);
    let item = |position, slot: usize, first_item, item_count, ground: &str| RedactionItem {
        entry,
        position,
        slot: slot as u32,
        first_item,
        item_count,
        grounds: vec![ground.into()],
    };
    log.manifest(vec![vec![item(1, chat::TEXT, 1, 2, "5.1.2e"), item(2, 0, 0, 0, "archief_prive")]]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    let unit = |item| CoveredUnit { slot: chat::TEXT as u32, item: Some(item) };
    plan.covered = vec![(entry, 1, vec![unit(1), unit(2)]), (entry, 2, vec![])];
    (log, plan)
}

struct Made {
    folder: TempDir,
    exit: i32,
    page: String,
}

fn report(files: &Files, trust: &str, more: &[&str]) -> Made {
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for (name, bytes) in &files.files {
        let path = path("bag").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("makes folders");
        fs::write(path, bytes).expect("writes");
    }
    fs::write(path("trust"), trust).expect("writes");
    let mut command = Command::new(env!("CARGO_BIN_EXE_zegel-verifier"));
    command.arg("report").arg(path("bag")).arg("--trust").arg(path("trust")).arg("--out").arg(path("page.html"));
    let output = command.args(more).output().expect("the command runs");
    let exit = output.status.code().expect("an exit code");
    let page =
        fs::read_to_string(path("page.html")).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    Made { folder, exit, page }
}

impl Made {
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("reads").file_name().to_string_lossy().into()).collect();
        names.sort();
        names
    }
}

fn good(more: &[&str]) -> Made {
    let (log, plan) = log();
    report(&log.evidence(&plan).pack().bag(), &log.trust(), more)
}

#[test]
fn each_cover_stands_in_its_place_with_its_ground_and_the_words_are_nowhere() {
    let made = good(&[]);
    assert_eq!(made.exit, 0);
    let text =
        "bel <span class=\"lak\" title=\"gelakt: eerbiediging van de persoonlijke levenssfeer\">5.1.2e</span> morgen";
    assert!(made.page.contains(text), "{}", made.page);
    assert!(made.page.contains(">archief_prive</span>"));
    for hidden in ["Karel", "Jansen", "strikt", "persoonlijk<"] {
        assert!(!made.page.contains(hidden), "{hidden}");
    }
}

#[test]
fn what_a_stranger_wrote_is_text_and_turns_nothing_around() {
    let page = good(&[]).page;
    assert!(page.contains("&lt;script&gt;window.xss=1&lt;/script&gt;"));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}'));
    assert_eq!(page.matches("<script>").count(), 1, "only the page's own");
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn the_same_stands_beside_it_for_machines_and_nothing_is_left_over() {
    let made = good(&["--lang", "en"]);
    assert!(made.page.contains("<html lang=\"en\">") && made.page.contains("Verification report"));
    assert_eq!(made.files(), ["bag", "page.html", "page.json", "trust"]);
    let json = fs::read(made.folder.path().join("page.json")).expect("reads");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("one document");
    assert_eq!(json["bundles"][0]["verdict"], "verified");
    let rows = json["timeline"].as_array().expect("rows");
    assert_eq!(rows.iter().filter(|row| row["kind"] == "MESSAGE_CREATED").count(), 4);
}

#[test]
fn the_variant_for_publication_has_no_name_and_no_number() {
    let named = good(&[]).page;
    assert!(named.contains("Afzender"), "the variant with names has them");
    let made = good(&["--without-names"]);
    for name in ["Afzender", "+31600000000"] {
        assert!(!made.page.contains(name), "{name}");
    }
    assert!(made.page.contains("Deelnemer 1"));
    assert_eq!(made.files(), ["bag", "page.html", "page.json", "trust"]);
    let json = fs::read_to_string(made.folder.path().join("page.json")).expect("reads");
    assert!(!json.contains("Afzender") && json.contains("\"timeline\":[]"), "rows for machines hold names: {json}");
}

#[test]
fn a_bundle_that_is_refused_gives_its_reason_and_no_timeline() {
    let (log, plan) = log();
    let mut files = log.evidence(&plan).pack().bag();
    let part = files.files.get_mut("data/evidence-0001").expect("a part");
    let middle = part.len() / 2;
    part[middle] ^= 1;
    let made = report(&files, &log.trust(), &[]);
    assert_eq!(made.exit, 2);
    assert!(made.page.contains("class=\"verdict bad\"") && made.page.contains("Niet geverifieerd"));
    assert!(!made.page.contains("Karel") && !made.page.contains("class=\"chat\""), "{}", made.page);
}
