//! A custodian whose chats came in four ways: one verified timeline, and nothing in it that was to stay out.

use serde_json::Value;
use std::path::Path;
use zegel_tests::four_ways::{self, import_all};
use zegel_tests::memory::files_that_hold;
use zegel_tests::{Stage, command};

/// How the keys in the Signal fixture begin, in base64.
const KEY: &str = "S0FOQVJJR";

#[test]
fn four_ways_of_capture_are_one_verified_timeline() {
    let (stage, shots) = four_ways::stage();
    let (records, new, mut printed) = import_all(&stage, &shots);
    assert_eq!(records, new);
    // All of it once more: nothing is added, and nothing is said to be gone.
    let (again, new, more) = import_all(&stage, &shots);
    assert_eq!((again, new), (records, 0));
    printed.push_str(&more);

    let bundle = stage.path("anna");
    let out = bundle.display().to_string();
    stage.zegel(&["export", "--custodian", "Anna de Vries", "--recipient", "Commissie", "--out", &out]);
    let (code, report) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{report:#}");
    let counts = &report["report"]["counts"];
    assert_eq!(counts["captures"], 3, "{counts:#}");
    let finding = |id: &str| {
        let findings = report["report"]["findings"].as_array().expect("a list");
        findings
            .iter()
            .filter(|finding| finding["id"] == id)
            .map(|finding| finding["count"].as_u64().unwrap_or(0))
            .sum::<u64>()
    };
    assert_eq!(finding("PROOF_CLASS_D"), 2);
    assert!(finding("DECLARED_GAP") >= 1 && finding("PROOF_CLASS_C") > 20, "{report:#}");
    assert_eq!((finding("MANIFEST_RUNS"), finding("RECORD_VANISHED")), (0, 0));

    let lines = timeline(&stage, &bundle);
    let with = |text: &str, class: &str| {
        lines
            .iter()
            .any(|line| line["proof_class"] == class && line["text"].as_str().is_some_and(|found| found.contains(text)))
    };
    assert!(with("ja hoor", "A"), "Matrix, signed by its server");
    assert!(with("ja hoor", "C"), "Signal, from an export");
    assert!(with("Carla: tot zo", "D"), "typed over from a screenshot");
    for secret in [KEY, "KANARIE"] {
        assert!(!printed.contains(secret) && !stage.log().contains(secret));
        let bytes = vec![secret.as_bytes().to_vec()];
        assert_eq!(files_that_hold(&bundle, &bytes), Vec::<String>::new());
        assert_eq!(files_that_hold(&stage.keys(), &bytes), Vec::<String>::new());
    }
    assert!(
        !files_that_hold(&bundle, &[b"ja hoor".to_vec(), b"hoor".to_vec()]).is_empty(),
        "the search finds what is there"
    );
    no_part_is_covered_while_the_whole_record_stays_open(&stage, &lines);
}

fn timeline(stage: &Stage, bundle: &Path) -> Vec<Value> {
    let mut show = command("zegel-verifier");
    let output = show.arg("show").arg(bundle).arg("--trust").arg(stage.trust()).arg("--json").output().expect("shown");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The record of a Matrix event is its JSON, with the words in it.
fn no_part_is_covered_while_the_whole_record_stays_open(stage: &Stage, lines: &[Value]) {
    let line = lines.iter().find(|line| line["proof_class"] == "A" && line["text"] == "ja hoor").expect("a message");
    let place = format!("{}:{}", line["entry"], line["position"]);
    let (text, record) = (format!("{place}:text:1-1"), format!("{place}:as_written"));
    let out = stage.path("gelakt").display().to_string();
    let common =
        ["export", "--custodian", "Anna de Vries", "--recipient", "Commissie", "--ground", "5.1.2.e", "--out", &out];
    let refused = stage.try_zegel(&[&common[..], &["--cover", &text]].concat());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("as_written"), "{said}");
    stage.zegel(&[&common[..], &["--cover", &text, "--cover", &record]].concat());
    let (code, report) = stage.verify(&stage.path("gelakt"), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    assert!(
        !timeline(stage, &stage.path("gelakt"))
            .iter()
            .any(|line| line["proof_class"] == "A" && line["text"] == "ja hoor")
    );
}
