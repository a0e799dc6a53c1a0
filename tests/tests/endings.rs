//! The four ends of content: each with its own record, none under a hold that keeps it, and none brought back by a later read-out.

use serde_json::Value;
use std::path::Path;
use zegel_tests::Stage;
use zegel_tests::dossier::{CHAT, audited, findings, place_of, read_out, refused, run, second_verifier, stage};

const LIST: &str = "BZK chat/2026-1\n1.1;B;;;Bewindspersonen\n2.3;V;1;month;Ambtelijke top\n";

fn proposing<'a>(end: &'a str, place: &'a str, decision: &'a str) -> Vec<&'a str> {
    let how = ["destroy", "propose", "--end", end, "--event", place, "--decision", decision];
    [&how[..], &CHAT].concat()
}

/// Proposes, approves, orders, erases on the running ledger, and declares. Gives the declaration.
fn end(stage: &Stage, end: &str, place: &str, decision: &str) -> Value {
    let proposal = run(stage, &proposing(end, place, decision))["proposal"].as_str().expect("an id").to_owned();
    run(stage, &["approve", &proposal, "--person", "hoofd DIV"]);
    let file = |form: &str| stage.path(&format!("{end}-{}.{form}", place.replace(':', "-"))).display().to_string();
    let (order, declaration) = (file("txt.order"), file("json"));
    run(stage, &["destroy", "order", &proposal, "--out", &order]);
    assert_eq!(run(stage, &["destroy", "erase", &order])["before"], 0);
    assert_eq!(run(stage, &["destroy", "erase", &order])["before"], 1, "done again, it finds it gone");
    run(stage, &["destroy", "declare", &proposal, "--out", &declaration]);
    let pdf = std::fs::read(Path::new(&declaration).with_extension("pdf")).expect("a PDF");
    assert!(pdf.starts_with(b"%PDF-1.7"), "{:?}", pdf.get(..8));
    serde_json::from_slice(&std::fs::read(&declaration).expect("a declaration")).expect("JSON")
}

const FIRST: [&str; 6] = [
    "13-02-2026 09:00 - Anna: op termijn vernietigd",
    "13-03-2026 09:00 - Anna: van mijn zus",
    "13-03-2026 09:00 - Bram: van mijn zus",
    "13-04-2026 09:00 - Anna: per ongeluk uitgelezen",
    "13-05-2026 09:00 - Anna: blijvend te bewaren",
    "14-05-2026 09:00 - Bram: dit blijft hier",
];

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn each_of_the_four_ends_has_its_own_record_and_the_next_read_out_brings_none_of_it_back() {
    let stage = stage();
    assert_eq!(read_out(&stage, "first.txt", &FIRST)["counts"]["new"], 6);
    let place = |words: &str| place_of(&stage, words);
    let (term, breach, kept) =
        (place("op termijn vernietigd"), place("per ongeluk uitgelezen"), place("blijvend te bewaren"));
    let sister = place("van mijn zus");

    run(&stage, &["policy", "selection_list", LIST]);
    run(&stage, &["retain", "--category", "2.3", "--event", &term]);
    run(&stage, &["retain", "--category", "1.1", "--event", &kept]);
    let hold = run(&stage, &[&["hold", "place", "--reason", "enquete"], &CHAT[..]].concat());
    let hold = hold["decided"]["act"].as_str().expect("an id").to_owned();

    // What a hold keeps, and what it does not; each end by its own rule and no other.
    let refuse = |end, place: &str, decision| refused(&stage, &proposing(end, place, decision));
    assert!(refuse("vernietigd", &term, "").contains("is held: enquete"));
    assert!(refuse("overgebracht", &kept, "NA, akte 12").contains("is held: enquete"));
    assert!(refuse("geschoond", &sister, "").contains("only what is prive or partijpolitiek"));
    assert!(refuse("datalek", &breach, " ").contains("names its incident"));
    run(&stage, &["classify", "--class", "prive", "--test", "contact", "--event", &sister]);
    let weeded = end(&stage, "geschoond", &sister, "");
    assert_eq!((&weeded["verklaring"], &weeded["aantal"]), (&"geschoond".into(), &1.into()));
    assert_eq!(audited(&stage, "geschoond"), ["BODY_DESTROYED"], "weeded, and nothing else has ended");
    let removed = end(&stage, "datalek", &breach, "incident 2026-7");
    assert_eq!((&removed["verklaring"], &removed["grond"]["code"]), (&"datalek".into(), &"incident 2026-7".into()));
    run(&stage, &["hold", "release", &hold]);
    assert!(refuse("vernietigd", &kept, "").contains("is not due: Kept"));
    assert!(refuse("overgebracht", &kept, "").contains("names the archive that took it over"));
    assert!(refuse("overgebracht", &term, "NA, akte 12").contains("is not kept for ever"));
    let destroyed = end(&stage, "vernietigd", &term, "besluit 4");
    assert_eq!(destroyed["grond"]["lijst"], "BZK chat/2026-1");
    let moved = end(&stage, "overgebracht", &kept, "Nationaal Archief, akte 2046-12");
    assert_eq!((&moved["verklaring"], &moved["goedgekeurd_door"]), (&"overgebracht".into(), &"hoofd DIV".into()));

    // The whole phone again, with neighbours of the same minute; a contact renamed; and from a phone that writes seconds.
    let mut again = FIRST.to_vec();
    again.insert(1, "13-03-2026 09:00 - Anna: over de begroting");
    again.insert(4, "13-03-2026 09:01 - Anna: van mijn zus");
    let counts = &read_out(&stage, "again.txt", &again)["counts"];
    assert_eq!((&counts["ended"], &counts["new"], &counts["vanished"]), (&4.into(), &2.into(), &0.into()), "{counts}");
    let renamed: Vec<String> = again.iter().map(|line| line.replace("Anna:", "Anna Jansen:")).collect();
    let renamed: Vec<&str> = renamed.iter().map(String::as_str).collect();
    let counts = &read_out(&stage, "renamed.txt", &renamed)["counts"];
    assert_eq!((&counts["ended"], &counts["new"], &counts["vanished"]), (&4.into(), &0.into(), &0.into()), "{counts}");
    let seconds = |line: &&str| {
        let (time, rest) = line.split_once(" - ").expect("a header");
        let (date, time) = time.split_once(' ').expect("a time");
        format!("[{date} {time}:07] {rest}")
    };
    let moved: Vec<String> = again.iter().map(seconds).collect();
    let moved: Vec<&str> = moved.iter().map(String::as_str).collect();
    let counts = &read_out(&stage, "_chat.txt", &moved)["counts"];
    assert_eq!((&counts["ended"], &counts["new"], &counts["vanished"]), (&4.into(), &0.into(), &0.into()), "{counts}");

    // The bundle says each by its name, and the manifest of each read-out says what it left out.
    let bundle = stage.path("bundle");
    let order = ["export", "--recipient", "Inspectie", "--out", bundle.to_str().expect("a path")];
    stage.zegel(&[&order[..], &CHAT].concat());
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    for id in ["DESTROYED", "WEEDED", "BREACH_REMOVED", "TRANSFERRED"] {
        assert_eq!(findings(&found).iter().filter(|finding| **finding == id).count(), 1, "{id}: {found:#}");
    }
    assert!(!findings(&found).contains(&"DESTRUCTION_UNDECLARED"), "{found:#}");
    assert!(!findings(&found).contains(&"MANIFEST_RUNS"), "{found:#}");
    if let Some(other) = second_verifier(&bundle, &stage.trust()) {
        for id in ["DESTROYED", "WEEDED", "BREACH_REMOVED", "TRANSFERRED"] {
            assert_eq!(other["findings"][id], 1, "{id}: {other:#}");
        }
    }
    // What the acts rest on is not examined where it is closed, and is judged where it is shown.
    let rule = |n, failed, closed| serde_json::json!({ "n": n, "failed": failed, "closed": closed });
    assert_eq!(
        (&found["report"]["rules"]["holds"], &found["report"]["rules"]["classes"]),
        (&rule(2, 0, 2), &rule(1, 0, 1))
    );
    let shown = stage.path("shown");
    let order = ["export", "--acts", "--recipient", "Inspectie", "--out", shown.to_str().expect("a path")];
    stage.zegel(&[&order[..], &CHAT].concat());
    let (code, with_acts) = stage.verify(&shown, &[]);
    assert_eq!(code, Some(0), "{with_acts:#}");
    let rules = &with_acts["report"]["rules"];
    assert_eq!((&rules["holds"], &rules["classes"]), (&rule(2, 0, 0), &rule(1, 0, 0)), "{with_acts:#}");
    for (of, result, counts) in [(&bundle, "not_examined", [0, 0]), (&shown, "pass", [1, 2])] {
        let (page, trust) = (stage.path("report.html"), stage.trust());
        let mut verifier = zegel_tests::command("zegel-verifier");
        verifier.arg("report").arg(of).arg("--trust").arg(trust).arg("--out").arg(&page);
        assert!(verifier.status().expect("it runs").success());
        let json = std::fs::read(page.with_extension("json")).expect("JSON");
        let json: Value = serde_json::from_slice(&json).expect("JSON");
        for (id, n) in ["CLASS_EXCLUDED", "HOLD_BREACH"].into_iter().zip(counts) {
            let checks = json["checks"][0].as_array().expect("checks");
            let check = checks.iter().find(|check| check["id"] == id).expect("there");
            assert_eq!((&check["result"], &check["n"]), (&result.into(), &n.into()), "{check:#}");
        }
        let page = std::fs::read_to_string(&page).expect("a page");
        assert_eq!(page.contains("zegel export --acts"), result == "not_examined", "what would be needed is said");
    }
    let steps = found["report"]["custody"]["steps"].as_array().expect("steps");
    let ended: Vec<u64> = steps.iter().filter_map(|step| step["file"]["ended"].as_u64()).collect();
    assert_eq!(ended, [0, 4, 4, 4]);
    let data = std::fs::read_dir(bundle.join("data")).expect("a bundle").map(|file| file.expect("a file").path());
    let bytes: Vec<u8> =
        data.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).expect("read")).collect();
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("begroting") && !holds("uitgelezen") && !holds("termijn "), "what ended is nowhere, the rest is");
}

#[test]
fn a_period_with_edges_is_exported_though_something_ended_in_the_month_beside_it() {
    let stage = stage();
    assert_eq!(read_out(&stage, "first.txt", &FIRST)["counts"]["new"], 6);
    let breach = place_of(&stage, "per ongeluk uitgelezen");
    end(&stage, "datalek", &breach, "incident 2026-7");
    let out = stage.path("mei").display().to_string();
    let period = ["--from", "202605", "--to", "202605", "--edges", "24"];
    run(&stage, &[&["export", "--recipient", "Inspectie", "--out", &out], &CHAT[..], &period].concat());
    let (code, report) = stage.verify(Path::new(&out), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    assert!(findings(&report).contains(&"BREACH_REMOVED"), "{report:#}");
    // Erased, and not declared yet: nothing says when it was, so it is withheld as what lies beyond the edges.
    let sister = place_of(&stage, "dit blijft hier");
    let proposal =
        run(&stage, &proposing("datalek", &sister, "incident 2026-8"))["proposal"].as_str().expect("an id").to_owned();
    run(&stage, &["approve", &proposal, "--person", "hoofd DIV"]);
    let order = stage.path("order.txt").display().to_string();
    run(&stage, &["destroy", "order", &proposal, "--out", &order]);
    run(&stage, &["destroy", "erase", &order]);
    let out = stage.path("juni").display().to_string();
    let period = ["--from", "202606", "--to", "202606", "--edges", "24"];
    run(&stage, &[&["export", "--recipient", "Inspectie", "--out", &out], &CHAT[..], &period].concat());
    let (code, report) = stage.verify(Path::new(&out), &[]);
    assert_eq!(code, Some(0), "{report:#}");
}
