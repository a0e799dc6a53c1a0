//! The page for people: what it says, what it hides, and that nothing a stranger wrote runs in it.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

mod maker;

use maker::*;
use std::fs;
use std::process::Command;
use tempfile::TempDir;
use zegel_proto::print;
use zegel_proto::v1::{ChatDetail, Clock, EventKind, RedactionItem, Slot};
use zegel_verifier::commit::{CoveredUnit, list_slot, unknown_slot, value_slot};
use zegel_verifier::kinds::{chat, layout};

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
    let folder = made.folder.path().display().to_string();
    for name in ["Afzender", "+31600000000", folder.as_str()] {
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

/// An event of a chat at a day of May 2022, with these slots.
fn event(log: &mut Log, kind: EventKind, at_ms: u64, fill: &[(usize, Slot)]) -> Event {
    let source = log.source.id;
    let seq = log.seq(source, CONVERSATION);
    let mut slots = vec![unknown_slot(); layout(kind).len() - 1];
    slots[chat::SENDER - 1] = value_slot("+31600000000");
    fill.iter().for_each(|(slot, value)| slots[slot - 1] = value.clone());
    let ids = (Some(CONVERSATION), Some(CUSTODIAN));
    log.sealed(source, kind, ids, seq, (at_ms, Clock::Device), slots)
}

fn text(words: &str) -> (usize, Slot) {
    (chat::TEXT, list_slot(vec![words.as_bytes().to_vec()]))
}

fn about(target: &str) -> (usize, Slot) {
    (chat::TARGET, value_slot(target))
}

fn native(id: &str) -> (usize, Slot) {
    (chat::NATIVE_ID, value_slot(id))
}

/// The checks of a bundle of these events, by id: result, n, failed.
fn checks(events: impl FnOnce(&mut Log) -> Vec<Event>) -> impl Fn(&str) -> (String, u64, u64) {
    let mut log = Log::with_messages(0);
    let events = events(&mut log);
    log.batch(Who::Source, events);
    let plan = log.export(scope_of(CONVERSATION), None);
    let made = report(&log.evidence(&plan).pack().bag(), &log.trust(), &[]);
    let json = fs::read(made.folder.path().join("page.json")).expect("reads");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("one document");
    move |id| {
        let all = json["checks"][0].as_array().expect("checks");
        let check = all.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check {id}"));
        let number = |field: &str| check[field].as_u64().expect("a number");
        (check["result"].as_str().expect("a result").to_owned(), number("n"), number("failed"))
    }
}

fn ended(result: &str, n: u64, failed: u64) -> (String, u64, u64) {
    (result.to_owned(), n, failed)
}

#[test]
fn an_edit_or_deletion_whose_earlier_words_are_shown_passes_and_one_without_is_found() {
    use EventKind as K;
    let check = checks(|log| {
        vec![
            event(log, K::MessageCreated, MAY, &[text("morgen")]),
            event(log, K::MessageEdited, MAY, &[about("seq:0"), text("overmorgen")]),
            event(log, K::MessageDeleted, MAY, &[about("seq:0")]),
        ]
    });
    assert_eq!(check("EDIT_CHAIN"), ended("pass", 1, 0));
    assert_eq!(check("DELETE_KEEP"), ended("pass", 1, 0));
    let edited = ChatDetail { what: "edited".into(), edited: true, certain: true, ..ChatDetail::default() };
    let edited = value_slot(print(&edited).expect("canonical"));
    let check = checks(|log| {
        vec![
            event(log, K::MessageCreated, MAY, &[text("later bewerkt"), (chat::DETAIL, edited)]),
            event(log, K::MessageEdited, MAY, &[about("seq:7"), text("van wat?")]),
            event(log, K::MessageEdited, MAY, &[text("van niets")]),
            event(log, K::MessageDeleted, MAY, &[]),
            event(log, K::MessageDeleted, MAY, &[about("seq:3")]),
        ]
    });
    assert_eq!(check("EDIT_CHAIN"), ended("findings", 3, 3));
    assert_eq!(check("DELETE_KEEP"), ended("findings", 2, 2), "a deletion keeps no words");
}

#[test]
fn a_message_that_comes_twice_is_found_by_its_id_and_without_ids_nothing_is_said() {
    use EventKind as K;
    let check = checks(|log| {
        vec![
            event(log, K::MessageCreated, MAY, &[native("$1"), text("ja")]),
            event(log, K::MessageCreated, MAY, &[native("$2"), text("ja")]),
            event(log, K::MessageEdited, MAY, &[native("$3"), about("$1"), text("nee")]),
        ]
    });
    assert_eq!((check("DUPLICATE"), check("EDIT_CHAIN")), (ended("pass", 2, 0), ended("pass", 1, 0)));
    let check = checks(|log| {
        let twice = [native("$1"), text("ja")];
        vec![event(log, K::MessageCreated, MAY, &twice), event(log, K::MessageCreated, MAY, &twice)]
    });
    assert_eq!(check("DUPLICATE"), ended("findings", 2, 1));
    let check = checks(|log| vec![event(log, K::MessageCreated, MAY, &[text("ja")])]);
    assert_eq!(check("DUPLICATE"), ended("not_examined", 0, 0));
    assert_eq!(check("HOLDER_CONFLICT"), ended("not_examined", 0, 0));
    assert_eq!(check("WITNESS_QUORUM").0, "findings", "the trust file names witnesses, and none cosigned");
}

#[test]
fn what_is_covered_on_a_relative_ground_after_five_years_is_warned_of() {
    let six_years = 6 * 366 * DAY;
    let mut log = Log::with_messages(0);
    let old = event(&mut log, EventKind::MessageCreated, MAY - six_years, &[text("oud")]);
    let new = event(&mut log, EventKind::MessageCreated, MAY, &[text("nieuw")]);
    let entry = log.batch(Who::Source, vec![old, new]);
    let item = |position| RedactionItem {
        entry,
        position,
        slot: chat::TEXT as u32,
        first_item: 0,
        item_count: 1,
        grounds: vec!["5.1.2e".into()],
    };
    log.manifest(vec![vec![item(0), item(1)]]);
    let mut plan = log.export(scope_of(CONVERSATION), Some(MANIFEST));
    let unit = vec![CoveredUnit { slot: chat::TEXT as u32, item: Some(0) }];
    plan.covered = vec![(entry, 0, unit.clone()), (entry, 1, unit)];
    let made = report(&log.evidence(&plan).pack().bag(), &log.trust(), &[]);
    assert!(made.page.contains("artikel 5.3"), "{}", made.page);
    assert_eq!(made.page.matches("⚠ ouder dan vijf jaar").count(), 1, "one of the two");
}

#[test]
fn the_first_box_says_each_claim_with_its_status_and_no_hash_stands_before_the_annex() {
    let page = good(&[]).page;
    let (before, annex) = page.split_once("id=\"s12\"").expect("the annex");
    let body = before.split_once("<body>").expect("a body").1;
    for claim in ["Volledigheid", "Authenticiteit", "Onveranderlijkheid", "Bewaringsketen"] {
        let at = body.find(claim).unwrap_or_else(|| panic!("no {claim}"));
        assert!(at < body.find("<nav").expect("contents"), "{claim} stands in the box");
    }
    assert!(body.contains("niet onderzocht"), "custody was not examined here");
    let is_hash = |word: &str| word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| is_hash(word)).count();
    assert_eq!(words(body), 0, "no fingerprint in sight");
    assert!(words(annex) >= 3, "all of them in the annex");
}

#[test]
fn sections_are_those_of_the_design_and_every_link_of_the_contents_leads_somewhere() {
    for language in ["nl", "en"] {
        let page = good(&["--lang", language]).page;
        let nav = page.split_once("<nav").and_then(|(_, rest)| rest.split_once("</nav>")).expect("contents").0;
        let targets: Vec<&str> = nav.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(targets.len(), 16);
        for target in targets {
            assert!(page.contains(&format!("<h2 id=\"{target}\">")), "{language}: {target}");
        }
    }
}

/// A token of a third party over the checkpoint, made and checked by other people's tool on what the JSON says; `None` where that is not installed.
fn timestamped(folder: &std::path::Path, digest: &str, wanted: &str) -> Option<bool> {
    let run = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(folder).output().ok()?;
        Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let conf = "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_cert=ca.pem\nsigner_key=ca.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\n\
                [e]\nextendedKeyUsage=critical,timeStamping\n[req]\ndistinguished_name=dn\n[dn]\n";
    fs::write(folder.join("tsa.cnf"), conf).expect("written");
    fs::write(folder.join("serial"), "01\n").expect("written");
    let cert = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ];
    let more = ["-subj", "/CN=tsa", "-config", "tsa.cnf", "-extensions", "e", "-days", "3650"];
    let (made, said) = run(&[&cert[..], &more].concat())?;
    assert!(made, "{said}");
    for step in [
        vec!["ts", "-query", "-digest", digest, "-sha256", "-cert", "-out", "q.tsq"],
        vec!["ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-out", "token.tsr"],
    ] {
        let (done, said) = run(&step)?;
        assert!(done, "{said}");
    }
    Some(run(&["ts", "-verify", "-digest", wanted, "-in", "token.tsr", "-CAfile", "ca.pem"])?.0)
}

#[test]
fn a_token_of_a_third_party_is_checked_on_the_digest_of_the_checkpoint_as_the_report_says() {
    let (log, plan) = log();
    let made = report(&log.evidence(&plan).pack().bag(), &log.trust(), &[]);
    let json = fs::read(made.folder.path().join("page.json")).expect("JSON");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let told = &json["bundles"][0]["report"]["log"];
    let (size, root) =
        (told["checkpoint_size"].as_u64().expect("a size"), told["checkpoint_root"].as_str().expect("a root"));
    let root = zegel_verifier::hash::Hash(std::array::from_fn(|at| {
        u8::from_str_radix(&root[2 * at..2 * at + 2], 16).expect("hexadecimal")
    }));
    let text = zegel_verifier::checkpoint::print(ORIGIN, size, root);
    assert!(String::from_utf8(log.checkpoint()).expect("text").starts_with(&text), "the text that is signed");
    let digest = zegel_verifier::hash::sha256(&[text.as_bytes()]).to_string();
    assert_eq!(told["checkpoint_sha256"], digest);
    let checks = json["checks"][0].as_array().expect("checks");
    let tsa = checks.iter().find(|check| check["id"] == "TSA").expect("there");
    assert_eq!(tsa["result"], "not_examined");
    for language in ["nl", "en"] {
        let said = tsa["skipped_reason"][language].as_str().expect("why");
        assert!(said.contains("openssl ts -verify -digest CHECKPOINT_SHA256"), "{said}");
    }
    let other = digest.replacen(|c: char| c != '0', "0", 1);
    match timestamped(made.folder.path(), &digest, &digest) {
        None => eprintln!("SKIPPED: openssl is not installed, no token was made"),
        Some(good) => assert!(good && timestamped(made.folder.path(), &digest, &other) == Some(false)),
    }
}

#[test]
fn classes_holds_and_policy_are_judged_or_say_what_would_be_needed() {
    let check = checks(|log| vec![event(log, EventKind::MessageCreated, MAY, &[text("ja")])]);
    for id in ["CLASS_EXCLUDED", "HOLD_BREACH", "POLICY_MODE"] {
        assert_eq!(check(id), ended("not_examined", 0, 0), "{id}: there is nothing of the kind");
    }
}
