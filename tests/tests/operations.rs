//! What an operator is handed: the threat model and its tests, the unit, the bill of materials, the runbook.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect("a page")
}

/// Tests that a page names as `file.rs::name`, and that are not there.
fn missing(page: &str) -> Vec<String> {
    let quoted = page.split('`').skip(1).step_by(2).filter(|text| text.contains(".rs::"));
    let is_there = |text: &str| {
        let (file, name) = text.split_once("::")?;
        let source = fs::read_to_string(root().join(file)).ok()?;
        let at = source.find(&format!("fn {name}()"))?;
        // The attribute stands above it, with nothing but other attributes in between.
        let above = &source[..source[..at].rfind('\n')?];
        let above: Vec<&str> =
            above.lines().rev().map(str::trim_start).take_while(|line| line.starts_with("#[")).collect();
        above.iter().any(|line| line.contains("test")).then_some(())
    };
    quoted.filter(|text| is_there(text).is_none()).map(String::from).collect()
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let model = page("specs/threat-model.md");
    assert!(model.matches(".rs::").count() > 30, "the page names its tests");
    assert_eq!(missing(&model), Vec::<String>::new());
    let here = "`tests/tests/operations.rs::every_test_that_the_threat_model_names_is_there`";
    assert_eq!(missing(here), Vec::<String>::new());
    for wrong in
        ["tests/tests/operations.rs::missing", "tests/tests/nowhere.rs::a", "tests/tests/operations.rs::every_test"]
    {
        assert_eq!(missing(&format!("`{wrong}`")), [wrong]);
    }
}

/// Rows of a table of a page, below a title, that name no test and do not say that there is none.
fn bare<'a>(page: &'a str, title: &str) -> Vec<&'a str> {
    let table = page.split(&format!("\n## {title}\n")).nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows = table.expect("the table").lines().filter(|line| line.starts_with("| ") && !line.starts_with("| **"));
    let is_bare =
        |row: &&str| ![".rs::", "accepted", "the same test", "not ours"].iter().any(|word| row.contains(word));
    rows.skip(2).filter(is_bare).collect()
}

#[test]
fn every_row_of_the_threat_model_has_a_test_or_is_accepted() {
    let model = page("specs/threat-model.md");
    for title in ["What holds each threat off", "What failed elsewhere", "What holds faults and callers off"] {
        assert_eq!(bare(&model, title), Vec::<&str>::new(), "{title}");
    }
    let wrong = "\n## A\n\n| threat | held off by |\n| --- | --- |\n| one | `tests/a.rs::b` |\n| two | hope |\n";
    assert_eq!(bare(wrong, "A"), ["| two | hope |"]);
}

fn analyze(arguments: &[&str], unit: &Path) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn the_unit_is_sound_and_closed_and_one_that_was_opened_is_seen() {
    let text = page("ledger/systemd/zegel-ledger.service");
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("zegel-ledger.service");
    let ledger = zegel_tests::command("zegel-ledger").get_program().to_string_lossy().into_owned();
    fs::write(&unit, text.replace("/usr/bin/zegel-ledger", &ledger)).expect("written");
    let Some((is_sound, said)) = analyze(&["verify"], &unit) else {
        eprintln!("SKIPPED the test of the systemd unit: systemd-analyze is not installed");
        return;
    };
    assert!(is_sound && said.trim().is_empty(), "{said}");
    // Exposure in tenths, as systemd counts it: 0 is closed, 100 is open.
    let closed = ["security", "--offline=true", "--threshold=20"];
    let (is_closed, said) = analyze(&closed, &unit).expect("it runs");
    assert!(is_closed, "{said}");
    let opened: Vec<&str> =
        ["NoNewPrivileges", "ProtectSystem", "CapabilityBoundingSet", "SystemCallFilter", "User="].into();
    let kept = text.lines().filter(|line| !opened.iter().any(|word| line.starts_with(word)));
    fs::write(&unit, kept.map(|line| format!("{line}\n")).collect::<String>()).expect("written");
    let (is_closed, said) = analyze(&closed, &unit).expect("it runs");
    assert!(!is_closed, "{said}");
    for line in ["LimitCORE=0", "MemorySwapMax=0", "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes"] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn the_bill_of_materials_lists_exactly_what_the_verifier_links() {
    let folder = tempfile::tempdir().expect("a folder");
    let make = || {
        let mut sbom = Command::new("python3");
        sbom.arg(root().join("tools/build/sbom.py")).arg("zegel-verifier").env("CARGO_TARGET_DIR", folder.path());
        let output = sbom.output().expect("python3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(folder.path().join("sbom/zegel-verifier.cdx.json")).expect("a bill")
    };
    let text = make();
    assert_eq!(make(), text, "the same commit gives the same bytes");
    let bill: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.5")));
    let components = bill["components"].as_array().expect("a list");
    let named: BTreeSet<&str> = components.iter().filter_map(|each| each["name"].as_str()).collect();
    let golden = page("verifier/dependencies.txt");
    let wanted: BTreeSet<&str> = golden.lines().filter(|name| *name != "zegel-verifier").collect();
    assert_eq!(named, wanted);
    let foreign = components.iter().filter(|each| !each["name"].as_str().unwrap_or("").starts_with("zegel-"));
    for each in foreign {
        assert!(each["hashes"][0]["content"].as_str().is_some_and(|sum| sum.len() == 64), "{each}");
        assert!(each["licenses"][0]["expression"].is_string() && each["purl"].is_string(), "{each}");
    }
}

#[test]
fn the_runbook_speaks_of_each_thing_that_an_operator_does_and_of_commands_that_exist() {
    let runbook = page("ledger/RUNBOOK.md");
    for part in [
        "Install",
        "Keys",
        "Split and join",
        "Rotate",
        "Rewrap",
        "Stolen or lost",
        "Back up",
        "Restore",
        "Promote",
        "What each alarm means",
        "What each refusal means",
    ] {
        assert!(runbook.contains(&format!("\n## {part}\n")), "{part}");
    }
    let help = |arguments: &[&str]| {
        let output = zegel_tests::command("zegel").args(arguments).arg("--help").output().expect("it runs");
        output.status.success()
    };
    let commands = runbook.split("zegel key ").skip(1).map(|rest| {
        let word = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap_or_default();
        word.to_owned()
    });
    for command in commands.collect::<BTreeSet<_>>() {
        assert!(help(&["key", &command]), "zegel key {command}");
    }
    assert!(!help(&["key", "nothing"]));
}

/// Words of a text that begin with these letters.
fn words<'a>(text: &'a str, begin: &str) -> BTreeSet<&'a str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(|letter: char| !is_part(letter)).filter(|word| word.starts_with(begin)).collect()
}

#[test]
fn every_alarm_and_every_refusal_is_in_the_runbook_and_every_metric_is_one_that_the_ledger_has() {
    let (runbook, alerts, board) = (page("ledger/RUNBOOK.md"), page("ledger/alerts.yml"), page("ledger/grafana.json"));
    let alarms: BTreeSet<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alarms.len() >= 8, "{alarms:?}");
    let rows: BTreeSet<&str> = runbook.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()).collect();
    assert_eq!(alarms.difference(&rows).collect::<Vec<_>>(), Vec::<&&str>::new(), "alarms without a row");
    let told = rows.iter().filter(|row| row.starts_with("Zegel") && !alarms.contains(*row));
    assert_eq!(told.collect::<Vec<_>>(), Vec::<&&str>::new(), "rows without an alarm");
    // A metric is registered without its prefix, and without the suffix of its unit and kind.
    let source = page("ledger/src/metrics.rs");
    let is_there = |metric: &&str| {
        let bare = metric.trim_start_matches("zegel_").trim_end_matches("_bucket").trim_end_matches("_total");
        let bare = bare.trim_end_matches("_seconds").trim_end_matches("_bytes");
        source.contains(&format!("(\"{bare}\", ")) || source.contains(&format!("_unit(\"{bare}\", "))
    };
    for page in [&alerts, &board] {
        let metrics = words(page, "zegel_");
        assert!(metrics.len() >= 6);
        assert_eq!(metrics.into_iter().filter(|metric| !is_there(metric)).collect::<Vec<_>>(), Vec::<&str>::new());
    }
    // The reasons are the names of these variants.
    let variants = |path: &str, name: &str| {
        let text = page(path);
        let of = text.split(&format!("enum {name} {{\n")).nth(1).and_then(|rest| rest.split("\n}\n").next());
        let lines = of.expect("the reasons").lines().map(str::to_owned).collect::<Vec<_>>();
        let variant = |line: &String| {
            let word =
                line.strip_prefix("    ").filter(|rest| rest.starts_with(|letter: char| letter.is_ascii_uppercase()));
            word.map(|word| word.split([' ', '(', ',']).next().unwrap_or_default().to_owned())
        };
        lines.iter().filter_map(variant).collect::<BTreeSet<String>>()
    };
    let mut reasons = variants("ledger/src/log/refusal.rs", "Refusal");
    assert!(reasons.len() > 20, "{reasons:?}");
    reasons.extend(variants("ledger/src/sequencer.rs", "AppendError").into_iter().filter(|name| name != "Refused"));
    let unnamed = reasons.iter().filter(|reason| !runbook.contains(&format!("`{reason}`")));
    assert_eq!(unnamed.collect::<Vec<_>>(), Vec::<&String>::new());
}
