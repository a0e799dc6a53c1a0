//! What the ministry does not want to have, and what it wants gone: admission, marked content, clearance of a phone, passages covered for good.

use serde_json::Value;
use zegel_tests::Stage;
use zegel_tests::dossier::{CHAT, audited, findings, place_of, read_out, refused, run, second_verifier, stage};

/// Exports the conversation, and verifies it.
fn exported(stage: &Stage, name: &str) -> (Option<i32>, Value, Vec<u8>) {
    let bundle = stage.path(name);
    let order = ["export", "--recipient", "Inspectie", "--out", bundle.to_str().expect("a path")];
    stage.zegel(&[&order[..], &CHAT].concat());
    let (code, found) = stage.verify(&bundle, &[]);
    let data = std::fs::read_dir(bundle.join("data")).expect("a bundle").map(|file| file.expect("a file").path());
    let files = data.filter(|path| path.is_file());
    (code, found, files.flat_map(|path| std::fs::read(path).expect("read")).collect())
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn under_admission_first_nothing_is_taken_before_the_official_admits_and_a_refusal_leaves_no_word() {
    let stage = stage();
    for title in ["Lobbyist", "Journalist", "Burger"] {
        stage.zegel(&["register", "conversation", "--title", title, "--channel", "whatsapp"]);
    }
    let read = |name: &str, title: &str, words: &str| {
        let file = stage.path(name);
        // Each file has a minute of its own: another text in the same one would be an edit.
        let minute = name.as_bytes()[0] % 60;
        std::fs::write(&file, format!("14-05-2026 09:{minute:02} - Onbekende: {words}\n")).expect("written");
        let file = file.display().to_string();
        let of = ["--custodian", "Carol", "--conversation", title, "--timezone", "Europe/Amsterdam"];
        let chat = run(&stage, &[&["import", "whatsapp", &file], &of[..]].concat())["chats"][0].clone();
        (chat["counts"]["new"].as_u64().expect("a count"), chat["left_out"].as_str().map(String::from))
    };
    let decide = |word: &str, title: &str| {
        run(&stage, &["contact", word, "--custodian", "Carol", "--conversation", title]);
    };
    let waits = || Some("contact_not_admitted".to_owned());
    // Captured directly, without a policy and under the policy that says so.
    assert_eq!(read("a.txt", "Dossier", "eerste"), (1, None));
    run(&stage, &["policy", "admission", "direct_capture"]);
    assert_eq!(read("b.txt", "Burger", "eerste"), (1, None));
    // A switch: what began goes on, what begins waits.
    run(&stage, &["policy", "admission", "admission_first"]);
    assert_eq!(read("c.txt", "Burger", "tweede"), (1, None));
    assert_eq!(read("d.txt", "Lobbyist", "stelplaats"), (0, waits()));
    assert_eq!(read("e.txt", "Journalist", "stelplaats"), (0, waits()));
    decide("refuse", "Journalist");
    decide("admit", "Lobbyist");
    assert_eq!(read("f.txt", "Journalist", "stelplaats"), (0, Some("contact_refused".into())));
    assert_eq!(read("g.txt", "Lobbyist", "toegelaten"), (1, None));
    // Of who was refused the log has the decision, and no word; not even the name under which the phone shows him.
    let bundle = stage.path("bundle");
    let order =
        ["export", "--custodian", "Carol", "--recipient", "Inspectie", "--out", bundle.to_str().expect("a path")];
    stage.zegel(&order);
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    let bytes = std::fs::read(bundle.join("data/evidence-0001")).expect("evidence");
    assert!(holds(&bytes, "contact_refused") && holds(&bytes, "contact_not_admitted") && holds(&bytes, "toegelaten"));
    assert!(!holds(&bytes, "stelplaats"));
    // And back: a decision binds nobody who captures directly.
    run(&stage, &["policy", "admission", "direct_capture"]);
    assert_eq!(read("h.txt", "Journalist", "toch"), (1, None));
}

#[test]
fn what_is_marked_above_the_permitted_level_is_routed_out_with_an_incident_and_a_mention_is_not() {
    let stage = stage();
    run(&stage, &["policy", "rubricering_max", "departementaal_vertrouwelijk"]);
    let lines = [
        "13-05-2026 09:00 - Anna: Stg. CONFIDENTIEEL: de troepen staan bij Zuidhorn",
        "13-05-2026 09:01 - Bram: is dat stg. confidentieel dan?",
        "13-05-2026 09:02 - Anna: dat is vertrouwelijk en geheim, hoor",
        "13-05-2026 09:03 - Anna: Dep.V: dit mag hier",
    ];
    let chat = read_out(&stage, "chat.txt", &lines);
    assert_eq!((&chat["counts"]["new"], &chat["routed_out"]), (&4.into(), &1.into()), "{chat:#}");
    let again = read_out(&stage, "again.txt", &lines);
    assert_eq!((&again["counts"]["known"], &again["routed_out"]), (&4.into(), &0.into()), "{again:#}");
    let (code, found, bytes) = exported(&stage, "bundle");
    assert_eq!(code, Some(0), "{found:#}");
    assert!(!holds(&bytes, "Zuidhorn") && holds(&bytes, "routed_out"));
    assert!(holds(&bytes, "confidentieel ") && holds(&bytes, "hoor") && holds(&bytes, "mag "));
    let bundle = stage.path("phone");
    let order =
        ["export", "--custodian", "Carol", "--recipient", "Inspectie", "--out", bundle.to_str().expect("a path")];
    stage.zegel(&order);
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    let text = found.to_string();
    assert!(findings(&found).contains(&"DECLARED_GAP") && text.contains("rubricering"), "{found:#}");
    // In the log the incident stands before what it is about: a read-out that is broken off never leaves that out.
    let evidence = std::fs::read(bundle.join("data/evidence-0001")).expect("evidence");
    let first = |words: &[u8], but: &[u8]| {
        let is_it = |at: &usize| evidence[*at..].starts_with(words) && !evidence[*at..].starts_with(but);
        (0..evidence.len()).find(is_it).expect("it is there")
    };
    assert!(first(b"rubricering", b"rubricering_max") < first(b"routed_out", b"-"));
}

#[test]
fn a_phone_is_cleared_once_its_read_out_is_in_the_log_and_never_of_what_is_held_or_was_skipped() {
    let stage = stage();
    let out = |name: &str| stage.path(name).display().to_string();
    let clear = |name: &str| {
        let out = out(name);
        stage.try_zegel(&["--json", "clearance", "--custodian", "Carol", "--out", &out])
    };
    let said = |output: &std::process::Output| {
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
    };
    let early = clear("early.json");
    assert_eq!(early.status.code(), Some(2));
    assert!(said(&early).contains("nothing of this custodian was read out"), "{}", said(&early));
    stage.zegel(&["register", "conversation", "--title", "Kabinet", "--channel", "whatsapp"]);
    let files = ["een.txt", "twee.txt"].map(|name| {
        std::fs::write(stage.path(name), "14-05-2026 09:00 - Anna: goedemorgen\n").expect("written");
        out(name)
    });
    let of = ["--custodian", "Carol", "--timezone", "Europe/Amsterdam", "--skipped", "Familie=private"];
    let chats = ["--conversation", "Dossier", "--conversation", "Kabinet"];
    run(&stage, &[&["import", "whatsapp", &files[0], &files[1]], &of[..], &chats].concat());
    let hold = run(&stage, &["hold", "place", "--conversation", "Kabinet", "--reason", "enquete"]);
    assert!(hold["decided"]["act"].is_string());
    let cleared = clear("cleared.json");
    assert!(cleared.status.success(), "{}", said(&cleared));
    let document: Value =
        serde_json::from_slice(&std::fs::read(out("cleared.json")).expect("a statement")).expect("JSON");
    let stays: Vec<&str> = document["vrijgave"]["chats"]
        .as_array()
        .expect("chats")
        .iter()
        .map(|chat| chat["stays"][0].as_str().unwrap_or(""))
        .collect();
    assert_eq!(stays, ["", "held: enquete", "private"], "{document:#}");
    assert!(std::fs::read(stage.path("cleared.pdf")).expect("a PDF").starts_with(b"%PDF"));
    let (code, found, _) = exported(&stage, "bundle");
    assert_eq!(code, Some(0), "{found:#}");
    assert!(findings(&found).contains(&"DEVICE_CLEARED"), "{found:#}");
    if let Some(other) = second_verifier(&stage.path("bundle"), &stage.trust()) {
        assert_eq!(other["findings"]["DEVICE_CLEARED"], 1, "{other:#}");
    }
    // Everything is held: nothing may go.
    run(&stage, &["hold", "place", "--conversation", "Dossier", "--reason", "enquete"]);
    assert!(said(&clear("none.json")).contains("none of the 3 chats"));
}

#[test]
fn a_passage_is_covered_for_good_only_where_policy_allows_it_and_is_never_opened_again() {
    let stage = stage();
    let words = "13-05-2026 09:00 - Anna: bel dokter Zevenaar over de kade";
    assert_eq!(read_out(&stage, "chat.txt", &[words, "13-05-2026 09:01 - Bram: doe ik"])["counts"]["new"], 2);
    let place = place_of(&stage, "bel dokter Zevenaar over de kade");
    let path = |name: &str| stage.path(name).display().to_string();
    let manifest = |plan: &str, words: &str| {
        let plan = path(plan);
        let find = ["redact", "plan", "--words", words, "--ground", "5.1.2e", "--out", &plan];
        run(&stage, &[&find[..], &CHAT].concat());
        let confirmed = zegel_tests::command("zegel").args(["redact", "confirm", &plan]).status().expect("it runs");
        assert!(confirmed.success());
        let proposed = run(&stage, &["redact", "propose", &plan, "--decision", "besluit 9"]);
        proposed["manifest"].as_str().expect("an id").to_owned()
    };
    let doctor = manifest("plan.json", "dokter Zevenaar");
    let order = path("order.txt");
    let ordering = [&["redact", "permanent", "order", &doctor, "--out", &order], &CHAT[..]].concat();
    assert!(refused(&stage, &ordering).contains("policy permanent_redaction is off"));
    run(&stage, &["policy", "permanent_redaction", "on"]);
    assert!(refused(&stage, &ordering).contains("nobody but its proposer approved manifest"));
    run(&stage, &["approve", &doctor, "--person", "hoofd DIV"]);
    run(&stage, &ordering);
    let declaring = [&["redact", "permanent", "declare", &doctor], &CHAT[..]].concat();
    assert!(refused(&stage, &declaring).contains("still has what should be covered for good"));
    assert_eq!(run(&stage, &["destroy", "erase", &order])["before"], 0);
    assert_eq!(run(&stage, &["destroy", "erase", &order])["before"], 1);
    assert_eq!(audited(&stage, "undeclared"), ["BODY_MISSING"], "another form is there, and nothing says why");
    run(&stage, &declaring);
    assert_eq!(audited(&stage, "declared"), ["BODY_REPLACED"]);

    // Shown as covered for good with its ground; the rest of the message is as it was.
    let (code, found, bytes) = exported(&stage, "bundle");
    assert_eq!(code, Some(0), "{found:#}");
    assert!(findings(&found).contains(&"PERMANENTLY_REDACTED"), "{found:#}");
    assert!(!findings(&found).contains(&"REDACTION_UNDECLARED"), "{found:#}");
    if let Some(other) = second_verifier(&stage.path("bundle"), &stage.trust()) {
        assert_eq!(other["findings"]["PERMANENTLY_REDACTED"], 1, "{other:#}");
    }
    assert_eq!(found["report"]["counts"]["covered_by_ground"]["5.1.2e"], 2, "{found:#}");
    assert!(!holds(&bytes, "Zevenaar") && holds(&bytes, "kade"));
    // A manifest that leaves it open is refused; one that covers more is not; a read-out does not bring it back.
    let other = manifest("other.json", "kade");
    run(&stage, &["approve", &other]);
    let out = path("opened");
    let opening = ["export", "--recipient", "Verzoeker", "--manifest", &other, "--out", &out];
    let opened = refused(&stage, &[&opening[..], &CHAT].concat());
    assert!(opened.contains("is covered for good, its words and salts are gone"), "{opened}");
    assert!(opened.contains(&place), "{opened}");
    let again = read_out(&stage, "again.txt", &[words, "13-05-2026 09:01 - Bram: doe ik"]);
    assert_eq!((&again["counts"]["ended"], &again["counts"]["new"]), (&1.into(), &0.into()), "{again:#}");
    // More can be covered for good, and no old order puts anything back.
    let second = path("second.txt");
    run(&stage, &[&["redact", "permanent", "order", &other, "--out", &second], &CHAT[..]].concat());
    assert_eq!(run(&stage, &["destroy", "erase", &second])["before"], 0);
    let replayed = refused(&stage, &["destroy", "erase", &order]);
    assert!(replayed.contains("is not in the form that the order replaces"), "{replayed}");
    run(&stage, &[&["redact", "permanent", "declare", &other], &CHAT[..]].concat());
    let (code, found, bytes) = exported(&stage, "more");
    assert_eq!(code, Some(0), "{found:#}");
    assert!(!holds(&bytes, "Zevenaar") && !holds(&bytes, "kade") && holds(&bytes, "doe "));
    let mut stage = stage;
    assert_eq!(stage.stop(), Some(0));
    stage.check();
}

#[test]
fn what_is_only_called_covered_for_good_is_an_error() {
    let stage = stage();
    assert_eq!(read_out(&stage, "chat.txt", &["13-05-2026 09:00 - Anna: bel de dokter"])["counts"]["new"], 1);
    let place = place_of(&stage, "bel de dokter");
    let bundle = stage.path("claims");
    let cover = format!("{place}:text:1-1=5.1.2e,blijvend_gelakt");
    let order = ["export", "--recipient", "Inspectie", "--cover", &cover, "--out", bundle.to_str().expect("a path")];
    stage.zegel(&[&order[..], &CHAT].concat());
    let (_, found) = stage.verify(&bundle, &[]);
    assert!(findings(&found).contains(&"REDACTION_UNDECLARED"), "{found:#}");
    assert!(!findings(&found).contains(&"PERMANENTLY_REDACTED"), "{found:#}");
    if let Some(other) = second_verifier(&bundle, &stage.trust()) {
        assert_eq!(other["findings"]["REDACTION_UNDECLARED"], 1, "{other:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_gets_nothing_into_the_log_of_a_contact_before_he_is_admitted_nor_what_is_marked_too_high() {
    use zegel_proto::source::v1::{Message, Setting, request};
    use zegel_tests::gateway::{Gateway, Sidecar, custodian, texts, timeline};
    let stage = Stage::new();
    stage.keep_port();
    let anna = custodian(&stage, "Anna de Vries");
    run(&stage, &["policy", "admission", "admission_first"]);
    run(&stage, &["policy", "rubricering_max", "departementaal_vertrouwelijk"]);
    let mut sidecar = Sidecar::new(&stage);
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, zegel_tests::ORIGIN, &anna).await;
    let early = gateway.message("00001");
    gateway.send("00001", early).await;
    gateway.until(|told| told.quarantined.get("00001").is_some_and(|why| why == "contact_not_admitted")).await;
    let admitted = Setting { place: gateway.place(), what: "contact_admitted".into(), ..Setting::default() };
    gateway.send("admit", request::Content::Setting(admitted)).await;
    let said = gateway.message("00002");
    gateway.send("00002", said).await;
    let text = "Stg. GEHEIM: bericht-00003.".to_owned();
    let marked = Message { place: gateway.place(), native_id: "00003".into(), text, ..Message::default() };
    gateway.send("00003", request::Content::Message(marked)).await;
    gateway.until_receipted(&["admit", "00002", "00003"].map(String::from)).await;
    sidecar.stands("all of it is in the log", |standing| standing.waiting == 0).await;
    let (_, listed) = sidecar.run(&["quarantine"]);
    assert!(!listed.contains("00001"), "nothing was put aside: {listed}");
    // Another run of the sidecar knows the decision from the ledger's rows.
    sidecar.kill();
    sidecar.start();
    let mut gateway = Gateway::begin(&sidecar, zegel_tests::ORIGIN, &anna).await;
    let later = gateway.message("00004");
    gateway.send("00004", later).await;
    gateway.until_receipted(&["00004".into()]).await;
    let (bundle, lines) = timeline(&stage, "Anna de Vries", "anna");
    let wanted = ["bericht-00002.", "bericht-00004."].map(|text| (text.to_owned(), 1));
    assert_eq!(texts(&lines), wanted.into_iter().collect());
    let evidence = std::fs::read(bundle.join("data/evidence-0001")).expect("evidence");
    for word in ["contact_not_admitted", "rubricering", "routed_out", "admitted"] {
        assert!(holds(&evidence, word), "{word}");
    }
    assert!(!holds(&evidence, "bericht-00001") && !holds(&evidence, "bericht-00003"));
}
