//! What strangers write, in the PDF, the lists and the report: shown as what it is, and harmless.

use std::path::{Path, PathBuf};
use std::process::Command;
use zegel_tests::{Stage, command, readout};

const CASE: &str = "Woo 2026-18";
const RECIPIENT: &str = "Verzoeker";

/// A phone on which strangers wrote whatever they liked, beside an ordinary chat with a picture.
fn phone(stage: &Stage) -> PathBuf {
    let folder = stage.path("phone");
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut said = String::new();
    for file in std::fs::read_dir(readout("anna-android-nl")).expect("a phone") {
        let file = file.expect("a file").path();
        std::fs::copy(&file, folder.join(file.file_name().expect("a name"))).expect("copied");
        if file.extension().is_some_and(|end| end == "txt") {
            said = std::fs::read_to_string(&file).expect("text");
        }
    }
    let long: String = (1..=1_000).map(|number| format!("regel {number}\n")).collect();
    let lines = [
        "=HYPERLINK(\"http://evil.example\",\"klik\")",
        "مرحبا بكم في الوزارة",
        "שלום kamerbrief עולם",
        "<script>window.xss=1</script><img src=x onerror=\"window.xss=1\">",
        "\u{202e}moraad",
        "👩\u{200d}👩\u{200d}👧 👍🏽 🇳🇱 \u{fffd} 👩\u{200d}",
        "(\\) endstream endobj %%EOF",
        long.trim_end(),
    ];
    for (minute, line) in lines.iter().enumerate() {
        said.push_str(&format!("05-05-2026 10:{minute:02} - <b>Daan</b>: {line}\n"));
    }
    std::fs::write(folder.join("WhatsApp-chat met Dossier Veerhaven.txt"), said).expect("written");
    folder
}

fn disclosed(stage: &Stage) -> PathBuf {
    let phone = phone(stage).display().to_string();
    let title = "=Dossier <b>Veerhaven</b>";
    stage.zegel(&["register", "custodian", "--name", "Anna"]);
    stage.zegel(&["register", "conversation", "--title", title]);
    let import = ["import", "whatsapp", &phone, "--custodian", "Anna", "--conversation", title];
    stage.zegel(&[&import[..], &["--timezone", "Europe/Amsterdam", "--date-order", "dmy"]].concat());
    let about = ["--regime", "woo", "--requester", "een journalist", "--matter", "=1+1", "--custodian", "Anna"];
    stage.zegel(&[&["case", "open", CASE], &about[..]].concat());
    for (step, text) in [("zoekslag", "alles"), ("besluit", "openbaar")] {
        stage.zegel(&["case", "note", CASE, "--about", step, "--text", text]);
    }
    let (bundle, out) = (stage.path("bundel").display().to_string(), stage.path("pakket"));
    let export =
        ["--json", "export", "--custodian", "Anna", "--case", CASE, "--recipient", RECIPIENT, "--out", &bundle];
    let made: serde_json::Value = serde_json::from_str(&stage.zegel(&export)).expect("JSON");
    stage.zegel(&["case", "approve", CASE, "--export", made["result"]["export"].as_str().expect("an id")]);
    let to = out.display().to_string();
    stage.zegel(&["disclose", &bundle, "--case", CASE, "--recipient", RECIPIENT, "--out", &to]);
    out
}

/// What other people's tool says of a PDF; `None` where it is not installed.
fn asked(tool: &str, arguments: &[&str], pdf: &Path) -> Option<String> {
    let mut run = Command::new(tool);
    run.args(arguments).arg(pdf);
    if tool == "pdftotext" {
        run.arg("-");
    }
    let Ok(output) = run.output() else {
        eprintln!("SKIPPED: {tool} is not installed, the PDF was NOT read back");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn whatever_strangers_write_is_shown_as_what_it_is_in_the_pdf_the_lists_and_the_report() {
    let stage = Stage::new();
    let package = disclosed(&stage);
    let out = std::env::var_os("CARGO_TARGET_DIR").map_or(PathBuf::from("../target"), PathBuf::from).join("strangers");
    std::fs::create_dir_all(&out).expect("a folder");
    let pdfs = ["00001", "00002"].map(|number| package.join(format!("documenten/{number}.pdf")));
    for pdf in &pdfs {
        std::fs::copy(pdf, out.join(pdf.file_name().expect("a name"))).expect("copied");
    }
    documents(&pdfs);
    for list in ["inventarislijst.csv", "productierapport.csv"] {
        let text = std::fs::read_to_string(package.join(list)).expect("a list");
        let cells = text.trim_start_matches('\u{feff}').lines().flat_map(|line| line.split(';'));
        let formula = cells.map(|cell| cell.trim_matches('"')).find(|cell| cell.starts_with(['=', '+', '-', '@']));
        assert_eq!(formula, None, "{text}");
    }
    report(&stage, &package, &out);
}

/// Words in their order, marks by their code point, no line too many, and the picture.
fn documents(pdfs: &[PathBuf; 2]) {
    let texts = pdfs.iter().map(|pdf| asked("pdftotext", &["-layout"], pdf));
    let Some(text) = texts.collect::<Option<Vec<String>>>().map(|texts| texts.concat()) else { return };
    for shown in [
        "=HYPERLINK",
        "<script>window.xss=1</script>",
        "‹U+202E›moraad",
        "regel 1000",
        "endstream",
        "<b>Daan</b>",
        "🇳🇱",
    ] {
        assert!(text.contains(shown), "{shown:?} in {text}");
    }
    for word in ["مرحبا", "שלום", "עולם", "kamerbrief"] {
        assert!(text.contains(word), "{word:?} in {text}");
    }
    assert!(!text.contains('\u{202e}'));
    let images = asked("pdfimages", &["-list"], &pdfs[0]).unwrap_or_else(|| " image ".into());
    assert!(images.lines().any(|line| line.contains(" image ")), "the picture is drawn: {images}");
}

fn report(stage: &Stage, package: &Path, out: &Path) {
    let page = out.join("report.html");
    let mut made = command("zegel-verifier");
    made.arg("report").arg(package.join("bewijspakket")).arg("--trust").arg(stage.trust()).arg("--out").arg(&page);
    assert_eq!(made.status().expect("it runs").code(), Some(0));
    let text = std::fs::read_to_string(&page).expect("a page");
    assert!(!text.contains('\u{202e}') && !text.contains("<b>Daan") && !text.contains("<img src=x"));
    assert_eq!(text.matches("<script>").count(), 1, "only the page's own");
    let is_there =
        |tool: &str| Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there("node") || !is_there("chromium") {
        eprintln!("SKIPPED: node and chromium are not installed, the report was NOT seen in a browser");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/report.mjs");
    let looked = Command::new("node").arg(script).arg(&page).arg(out).output().expect("node runs");
    let said = String::from_utf8_lossy(&looked.stdout);
    assert!(looked.status.success(), "{said}{}", String::from_utf8_lossy(&looked.stderr));
}
