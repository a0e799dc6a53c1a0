//! Was every account of a key function secured in time? From registration and read-out to the table, the picture and the numbers.

use serde_json::Value;
use zegel_tests::{Stage, command, readout};

const ANNA: &str = "Anna de Vries";

/// A key function since 2024, one read-out today, a declared gap in early 2024.
fn one_read_out() -> Stage {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", ANNA]);
    let accounts = ["--account", "whatsapp:+31611111111:business", "--account", "signal:+31622222222:private"];
    let function = ["--function", "minister", "--device", "zakelijke telefoon", "--from", "2024-01-01"];
    stage.zegel(&[&["register", "function", "--custodian", ANNA], &function[..], &accounts[..]].concat());
    stage.zegel(&["register", "conversation", "--title", "Dossier Veerhaven"]);
    let gap =
        ["capture", "gap", "--custodian", ANNA, "--channel", "whatsapp", "--from", "2024-01-20", "--to", "2024-02-03"];
    stage.zegel(&[&gap[..], &["--reason", "device_not_handed_in", "--note", "=HYPERLINK(\"x\")"]].concat());
    let phone = readout("anna-android-nl").display().to_string();
    let common = ["--custodian", ANNA, "--conversation", "Dossier Veerhaven", "--timezone", "Europe/Amsterdam"];
    stage.zegel(&[&["import", "whatsapp", &phone], &common[..]].concat());
    stage.zegel(&["capture", "heartbeat", "--custodian", ANNA, "--channel", "whatsapp"]);
    stage
}

fn export(stage: &Stage, name: &str, scope: &[&str]) -> String {
    let out = stage.path(name).display().to_string();
    stage.zegel(&[&["export", "--recipient", "Inspectie", "--out", &out], scope].concat());
    out
}

#[test]
fn coverage_says_secured_late_missed_or_out_of_scope_and_shows_it() {
    let stage = one_read_out();
    let bundle = export(&stage, "bundle", &["--custodian", ANNA]);
    let coverage = |more: &[&str]| {
        let mut zegel = command("zegel");
        let output = zegel.args(["--json", "coverage", &bundle, "--trust"]).arg(stage.trust()).args(more).output();
        let output = output.expect("zegel runs");
        let document: Value = serde_json::from_slice(&output.stdout).expect("one document");
        (output.status.code(), document)
    };
    let csv = stage.path("dekking.csv").display().to_string();
    let (code, document) = coverage(&["--csv", &csv]);
    assert_eq!(code, Some(1), "late months are findings: {document:#}");
    let rows = document["result"].as_array().expect("rows").clone();
    let of = |channel: &str, month: u64| {
        let found = rows.iter().find(|row| row["channel"] == channel && row["month"] == month);
        found.unwrap_or_else(|| panic!("no {channel} {month} in {document:#}")).clone()
    };
    assert_eq!(of("whatsapp", 202_401)["status"], "late");
    assert_eq!(of("whatsapp", 202_401)["gaps"][0], "device_not_handed_in");
    assert_eq!(of("whatsapp", 202_404)["gaps"].as_array().map(Vec::len), Some(0));
    assert_eq!(of("signal", 202_404)["status"], "out_of_scope");
    let newest = rows.iter().rfind(|row| row["channel"] == "whatsapp").expect("a row");
    assert_eq!(newest["status"], "late", "read out today, for the first time in years");
    let table = std::fs::read_to_string(&csv).expect("a list");
    assert!(table.contains("\"'+31611111111\";\"2024-01\";\"late\""), "a number is no formula: {table:.400}");

    // What the verifier does not take, the tools do not take: here a folder that no bag has, though nothing lies in it.
    let strange = std::path::Path::new(&bundle).join("extra");
    std::fs::create_dir(&strange).expect("a folder");
    let (code, found) = coverage(&[]);
    assert_eq!((code, stage.verify(bundle.as_ref(), &[]).0), (Some(2), Some(2)), "{found:#}");
    assert!(found.to_string().contains("extra"), "{found:#}");
    std::fs::remove_dir(&strange).expect("removed");

    let (_, nameless) = coverage(&["--without-names"]);
    let text = nameless.to_string();
    assert!(text.contains("Functionaris 1") && !text.contains("Anna") && !text.contains("+316"), "{text}");
    report(&stage, &bundle);
    refused(&stage);
}

/// The picture and the checks stand in the report; without names there are none, in the JSON either.
fn report(stage: &Stage, bundle: &str) {
    let page = stage.path("report.html");
    let write = |more: &[&str]| {
        let mut verifier = command("zegel-verifier");
        verifier.args(["report", bundle, "--trust"]).arg(stage.trust()).arg("--out").arg(&page).args(more);
        assert_eq!(verifier.status().expect("it runs").code(), Some(0));
        let json = std::fs::read(page.with_extension("json")).expect("JSON beside the page");
        let html = std::fs::read_to_string(&page).expect("a page");
        (html, serde_json::from_slice::<Value>(&json).expect("JSON"))
    };
    let (html, json) = write(&[]);
    let sections = [
        "Wat is onderzocht",
        "Volledigheid",
        "Authenticiteit",
        "Onveranderlijkheid",
        "Bewaringsketen",
        "Bewerkt, verwijderd, vluchtig",
        "Classificatie en lakken",
        "Vernietigen en bewaren",
        "Tijd</h2>",
        "Deelnemers",
        "Inzage en beheer",
        "Alle controles",
        "Verklaring",
        "Archiefregeling, artikel 17",
        "Dekking: op tijd veiliggesteld",
        "Wat dit niet bewijst",
        "zelf nagaan",
    ];
    for section in sections {
        assert!(html.contains(section), "no {section:?}");
    }
    assert!(html.contains("class=\"s-late\"") && html.contains("class=\"s-out\""), "the picture");
    assert!(!json["timeline"].as_array().expect("rows").is_empty());
    let checks = json["checks"][0].as_array().expect("checks");
    let ids: Vec<&str> = checks.iter().filter_map(|check| check["id"].as_str()).collect();
    let wanted = "FORMAT ANCHOR STH_SIG CONSISTENCY INCLUSION LEAF_HASH RECORD_SIG SEQ_GAP RANGE_COMPLETE DUPLICATE KEY_VALIDITY \
                  WITNESS_QUORUM TSA CUSTODY_LINK COVERAGE_MONTH DECLARED_GAP LATE_ARRIVAL TIME_ORDER CLOCK_SKEW EDIT_CHAIN DELETE_KEEP \
                  TIMER_ON VIEW_ONCE META_AI VANISHED HOLDER_CONFLICT MEDIA_MISSING MEDIA_HASH REDACTION_PROOF GROUND_KNOWN GROUND_5_3 \
                  CLASS_EXCLUDED DESTRUCTION_LAWFUL PAYLOAD_ABSENT HOLD_BREACH POLICY_MODE SENDER_REGISTERED \
                  ACCOUNT_REGISTERED CONSENT";
    assert_eq!(ids, wanted.split_whitespace().collect::<Vec<_>>());
    let result = |id: &str| checks.iter().find(|check| check["id"] == id).expect("there")["result"].clone();
    assert_eq!(result("INCLUSION"), "pass");
    assert_eq!(result("COVERAGE_MONTH"), "findings");
    assert_eq!(result("DECLARED_GAP"), "findings");
    assert_eq!(result("TSA"), "not_examined");
    assert_eq!(result("META_AI"), "findings", "one asked the app's AI service");
    assert_eq!(result("SENDER_REGISTERED"), "findings", "a number wrote that nobody registered");
    assert_eq!(result("ACCOUNT_REGISTERED"), "not_examined", "no number bears a registered name");

    let (html, json) = write(&["--without-names"]);
    assert_eq!(json["timeline"].as_array().map(Vec::len), Some(0));
    let text = json.to_string();
    for name in ["Anna de Vries", "+31611111111", "WhatsApp-chat met", "Inspectie"] {
        assert!(!text.contains(name), "{name} in the JSON without names");
    }
    assert!(!html.contains("Anna de Vries") && !html.contains("+31611111111"));
}

/// A conversation does not say whether an account was secured; nor does a gap without a known reason.
fn refused(stage: &Stage) {
    let chat = export(stage, "chat", &["--conversation", "Dossier Veerhaven"]);
    let mut zegel = command("zegel");
    let output = zegel.args(["coverage", &chat, "--trust"]).arg(stage.trust()).output().expect("zegel runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("says nothing of coverage"));
    for (reason, from, to) in [("vergeten", "2024-01-01", "2024-01-02"), ("other", "2024-01-03", "2024-01-02")] {
        let gap = ["capture", "gap", "--custodian", ANNA, "--reason", reason, "--from", from, "--to", to];
        assert_eq!(stage.try_zegel(&gap).status.code(), Some(3), "{reason} {from}");
    }
}
