//! From two read-outs to what a requester gets: PDFs without what was covered, lists, the bundle, and a log that knew first.

use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use zegel_tests::{Stage, command, readout};

const RECIPIENT: &str = "Stichting Open Staat";
const CASE: &str = "Woo 2026-17";

/// A ministry with one phone read out, and the place of a message by its text.
struct Desk {
    stage: Stage,
    lines: Vec<Value>,
}

impl Desk {
    fn new() -> Self {
        let stage = Stage::new();
        stage.zegel(&["register", "custodian", "--name", "Anna de Vries"]);
        stage.zegel(&["register", "conversation", "--title", "=Dossier Veerhaven"]);
        let phone = readout("anna-android-nl").display().to_string();
        let common = ["--custodian", "Anna de Vries", "--conversation", "=Dossier Veerhaven"];
        stage.zegel(&[&["import", "whatsapp", &phone, "--timezone", "Europe/Amsterdam"], &common[..]].concat());
        let whole = stage.path("geheel");
        export(&stage, "geheel", &[]);
        let mut show = command("zegel-verifier");
        let shown =
            show.arg("show").arg(whole).arg("--trust").arg(stage.trust()).arg("--json").output().expect("shown");
        let text = String::from_utf8(shown.stdout).expect("text");
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Self { stage, lines }
    }

    /// ENTRY:POSITION of the first line that holds a text.
    fn place(&self, text: &str) -> String {
        let holds = |line: &&Value| line["text"].as_str().is_some_and(|found| found.contains(text));
        let line = self.lines.iter().find(holds).unwrap_or_else(|| panic!("no line says {text:?}"));
        format!("{}:{}", line["entry"], line["position"])
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.stage.try_zegel(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stderr).expect("text")
    }
}

/// Exports Anna's chats for the case; gives the id of the export.
fn export(stage: &Stage, name: &str, more: &[&str]) -> String {
    let out = stage.path(name).display().to_string();
    let common = ["--json", "export", "--custodian", "Anna de Vries", "--case", CASE, "--recipient", RECIPIENT];
    let printed = stage.zegel(&[&common[..], &["--decision", "besluit 1", "--out", &out], more].concat());
    let document: Value = serde_json::from_str(&printed).expect("one document");
    document["result"]["export"].as_str().expect("an id").to_owned()
}

/// Text of a PDF as other people's tool reads it; `None` where that is not installed.
fn text_of(pdf: &Path) -> Option<String> {
    let output = Command::new("pdftotext").arg("-layout").arg(pdf).arg("-").output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: pdftotext is not installed, the words of the PDF were NOT read back");
        return None;
    };
    assert!(output.status.success(), "{}: {}", pdf.display(), String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text"))
}

/// Every byte of a PDF, and of each of its streams when inflated.
fn all_bytes(pdf: &Path) -> Vec<u8> {
    let file = std::fs::read(pdf).expect("a file");
    let mut all = file.clone();
    let begin = b"stream\n";
    for at in 0..file.len() {
        if file[at..].starts_with(begin) && !file[..at].ends_with(b"end") {
            // What is no deflate stream gives nothing, and stands in the file as it is.
            let mut inflated = Vec::new();
            let _ = flate2::read::ZlibDecoder::new(&file[at + begin.len()..]).read_to_end(&mut inflated);
            all.extend(inflated);
        }
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let hex: String = wide.iter().map(|byte| format!("{byte:02X}")).collect();
    [text.as_bytes(), &wide, hex.as_bytes(), hex.to_lowercase().as_bytes()]
        .iter()
        .any(|wanted| bytes.windows(wanted.len()).any(|window| window == *wanted))
}

fn pdfs(package: &Path) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(package.join("documenten")).expect("documents");
    let mut found: Vec<PathBuf> = folder.map(|item| item.expect("an item").path()).collect();
    found.sort();
    found
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn a_package_shows_what_is_open_and_holds_nothing_of_what_is_covered() {
    let desk = Desk::new();
    let stage = &desk.stage;
    let (money, train, morning) = (desk.place("4,2 miljoen"), desk.place("in de trein"), desk.place("hier alles"));
    let scope = ["--custodian", "Anna de Vries"];
    let about = ["--regime", "woo", "--requester", "een journalist", "--matter", "alles over de Veerhaven"];
    stage.zegel(&[&["case", "open", CASE], &about[..], &scope[..]].concat());
    let words = format!("{money}:text:6-7=5.1.2b");
    let name = format!("{morning}:sender=5.1.2e");
    let display = format!("{morning}:display_name=5.1.2e");
    let written = format!("{morning}:as_written=5.1.2e");
    let has_display = desk.lines.iter().any(|line| !line["display_name"].is_null());
    let names = if has_display { vec!["--cover", &display] } else { Vec::new() };
    let whole = format!("{train}=5.1.2e,buiten_reikwijdte");
    let half = stage.path("half").display().to_string();
    let leaks =
        ["export", "--custodian", "Anna de Vries", "--recipient", RECIPIENT, "--out", &half, "--cover", &display];
    assert!(desk.refused(&leaks).contains("stands in as_written too"), "the line of the file names the sender");
    let cover = ["--cover", &words, "--cover", &name, "--cover", &written, "--withhold", &whole];
    let id = export(stage, "gelakt", &[&cover[..], &names].concat());

    let (bundle, out) = (stage.path("gelakt").display().to_string(), stage.path("pakket"));
    let to = out.display().to_string();
    let disclose = ["disclose", &bundle, "--case", CASE, "--recipient", RECIPIENT, "--out", &to];
    // Nothing leaves before all is done, in this order.
    assert!(desk.refused(&disclose).contains("no documented search"));
    let note = |about: &str, text: &str, more: &[&str]| {
        stage.zegel(&[&["case", "note", CASE, "--about", about, "--text", text], more].concat());
    };
    note("zoekslag", "alle chats van de functionaris, mei 2026", &[]);
    assert!(desk.refused(&disclose).contains("has no decision"));
    note("besluit", "deels openbaar", &["--decision", "besluit 1", "--appeal", "2020-03-01"]);
    note("zienswijze", "de aannemer vraagt uitstel", &["--until", "2020-01-01"]);
    assert!(desk.refused(&disclose).contains("has not been approved"));
    stage.zegel(&["case", "approve", CASE, "--export", &id]);
    // A later version of the decision is approved anew.
    note("besluit", "na zienswijze", &["--decision", "besluit 2", "--appeal", "2020-03-01"]);
    assert!(desk.refused(&disclose).contains("before \"besluit 2\", the newest version of the decision"));
    assert!(!out.exists());
    stage.zegel(&["case", "approve", CASE, "--export", &id]);
    let other = ["disclose", &bundle, "--case", CASE, "--recipient", "Iemand anders", "--out", &to];
    assert!(desk.refused(&other).contains("each recipient has a bundle of his own"));
    let before = size(stage);
    stage.zegel(&disclose);
    assert!(size(stage) > before, "the log was told");

    let files = pdfs(&out);
    assert_eq!(files.len(), 4, "three days, and a month of what is withheld");
    for covered in ["miljoen", "4,2", "trein", "in de trein"] {
        for pdf in &files {
            assert!(!holds(&all_bytes(pdf), covered), "{}: {covered}", pdf.display());
            assert!(text_of(pdf).is_none_or(|text| !text.contains(covered)), "{}: {covered}", pdf.display());
        }
    }
    if let Some(text) = text_of(&files[0]) {
        for shown in
            ["=Dossier Veerhaven, 4 mei 2026", "5.1.2b", "5.1.2e", "Goedemorgen, hier alles over de", "Ok", "😅"]
        {
            assert!(text.contains(shown), "{shown:?} in {text}");
        }
        assert!(!text.contains("Anna Jansen  Goedemorgen"), "{text}");
    }
    lists(&out);
    assert_eq!(stage.verify(&out.join("bewijspakket"), &[]).0, Some(0));
    let sums = Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&out).status();
    assert!(sums.expect("sha256sum runs").success());
    // It stays, so that people look at it.
    let kept = stage.path("pakket").join("documenten");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(Path::new("../target").to_owned(), PathBuf::from);
    println!("documents: {}", kept_copy(&kept, &target.join("disclosure")).display());
    counts_only(&desk, &bundle);
    archive(&desk, &bundle);
    investigators(&desk, &bundle);
    waiting(&desk, &bundle);
    closed(&desk, &disclose);
}

/// A file that the project does not own; `None` where it is not there, which is said.
fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ZEGEL_SHARED").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
    let path = root.join("data/schemas").join(name);
    if !path.exists() {
        eprintln!("SKIPPED: no {}; set ZEGEL_SHARED to validate against the official schemas", path.display());
    }
    path.exists().then_some(path)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let items = std::fs::read_dir(folder).expect("a folder").map(|item| item.expect("an item").path());
    items.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Every sidecar of the SIP is valid against the XSD of the Nationaal Archief, and the pakbon counts what is there.
fn archive(desk: &Desk, bundle: &str) {
    let out = desk.stage.path("sip-pakket");
    let to = out.display().to_string();
    desk.stage.zegel(&["disclose", bundle, "--case", CASE, "--recipient", RECIPIENT, "--form", "sip", "--out", &to]);
    let all = files_below(&out.join("sip"));
    let is_sidecar = |path: &&PathBuf| path.display().to_string().ends_with(".mdto.xml");
    let (sidecars, files): (Vec<&PathBuf>, Vec<&PathBuf>) = all.iter().partition(is_sidecar);
    assert_eq!(files.len(), 9, "four documents, twice, and the bundle: {files:?}");
    for file in &files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)), "{name}");
        assert!(file.with_file_name(format!("{name}.bestand.mdto.xml")).exists(), "{name} has no sidecar");
    }
    assert_eq!(sidecars.len(), files.len() + 6, "four days, a conversation, the bundle");
    let slip = std::fs::read_to_string(out.join("pakbon.xml")).expect("a pakbon");
    let size: u64 = files.iter().map(|file| file.metadata().expect("there").len()).sum();
    for counted in
        ["<aantalInformatieobjecten>6<".to_owned(), "<aantalBestanden>9<".to_owned(), format!("<omvangInBytes>{size}<")]
    {
        assert!(slip.contains(&counted), "{counted} in {slip}");
    }
    for sidecar in &sidecars {
        let text = std::fs::read_to_string(sidecar).expect("text");
        assert!(!text.contains("miljoen") && !text.contains("trein"), "{}", sidecar.display());
    }
    let Some(schema) = shared("MDTO-XML1.0.1.xsd") else { return };
    let mut xmllint = Command::new("xmllint");
    let Ok(output) = xmllint.args(["--noout", "--nonet", "--schema"]).arg(schema).args(&sidecars).output() else {
        eprintln!("SKIPPED: xmllint is not installed, the sidecars were NOT validated");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Every manifest of RSMF is valid against its schema, and holds nothing of what is covered.
fn investigators(desk: &Desk, bundle: &str) {
    use base64::Engine;
    let out = desk.stage.path("rsmf-pakket");
    let to = out.display().to_string();
    desk.stage.zegel(&["disclose", bundle, "--case", CASE, "--recipient", RECIPIENT, "--form", "rsmf", "--out", &to]);
    let messages = files_below(&out.join("rsmf"));
    assert_eq!(messages.len(), 4);
    let mut pictures = 0;
    for message in &messages {
        let text = std::fs::read_to_string(message).expect("a mail message");
        assert!(text.contains("\r\nX-RSMF-Version: 2.0.0\r\n"), "{text:.400}");
        let body = text.rsplit_once("filename=\"rsmf.zip\"\r\n\r\n").expect("a zip").1;
        let body: String = body.split("------").next().expect("its end").split_whitespace().collect();
        let zip = base64::engine::general_purpose::STANDARD.decode(body).expect("base64");
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).expect("a zip");
        pictures += zip.len() - 1;
        let mut manifest = String::new();
        zip.by_name("rsmf_manifest.json").expect("there").read_to_string(&mut manifest).expect("text");
        assert!(!manifest.contains("miljoen") && !manifest.contains("trein"));
        validated(&desk.stage.path("manifest.json"), &manifest);
    }
    assert_eq!(pictures, 2, "the files that came with the messages");
}

fn validated(path: &Path, manifest: &str) {
    let Some(schema) = shared("rsmf_schema_2_0_0.json") else { return };
    std::fs::write(path, manifest).expect("written");
    let program = "import json,sys,jsonschema as j\ns,d=[json.load(open(p)) for p in sys.argv[1:]]\n\
                   j.validate(d,s)\nd['events'][0]['type']='telegram'\n\
                   sys.exit(0 if list(j.Draft7Validator(s).iter_errors(d)) else 9)";
    let output = Command::new("python3").args(["-c", program]).arg(schema).arg(path).output().expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("No module named") {
        eprintln!("SKIPPED: python3 has no jsonschema, the RSMF manifest was NOT validated");
        return;
    }
    assert!(output.status.success(), "{said}");
}

fn kept_copy(from: &Path, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).expect("a folder");
    for pdf in std::fs::read_dir(from).expect("documents") {
        let pdf = pdf.expect("an item").path();
        std::fs::copy(&pdf, to.join(pdf.file_name().expect("a name"))).expect("copied");
    }
    to.to_owned()
}

fn size(stage: &Stage) -> u64 {
    let status: Value = serde_json::from_str(&stage.zegel(&["--json", "status"])).expect("JSON");
    status["result"]["log"]["size"]
        .as_u64()
        .or(status["result"]["size"].as_u64())
        .unwrap_or_else(|| panic!("{status:#}"))
}

fn lists(out: &Path) {
    let inventory = std::fs::read_to_string(out.join("inventarislijst.csv")).expect("a list");
    assert!(inventory.starts_with("\u{feff}Nr;Document;Beoordeling;Grond;"), "{inventory}");
    let rows: Vec<&str> = inventory.lines().collect();
    assert!(
        rows[1].starts_with("1;'=Dossier Veerhaven, 4 mei 2026;Deels openbaar;5.1.2b; 5.1.2e;")
            || rows[1].contains("\"5.1.2b; 5.1.2e;\""),
        "{inventory}"
    );
    assert!(rows[4].contains("mei 2026;Niet openbaar;"), "{inventory}");
    let report = std::fs::read_to_string(out.join("productierapport.csv")).expect("a list");
    assert!(
        report.starts_with("\u{feff}ID;Matter;Family ID;Email Thread ID;Document;File type;Datum;Beoordeling;"),
        "{report}"
    );
    assert!(report.contains(";chat;2026-05-04;Deels openbaar;nee;"), "{report}");
}

/// An inspector of coverage gets numbers: no name, no word, no bundle.
fn counts_only(desk: &Desk, bundle: &str) {
    let out = desk.stage.path("aantallen");
    let to = out.display().to_string();
    desk.stage.zegel(&["disclose", bundle, "--case", CASE, "--recipient", RECIPIENT, "--form", "counts", "--out", &to]);
    let mut names: Vec<String> = std::fs::read_dir(&out)
        .expect("a folder")
        .map(|item| item.expect("an item").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["SHA256SUMS", "aantallen.csv", "lees-mij.txt"]);
    for name in names {
        let text = std::fs::read_to_string(out.join(&name)).expect("text");
        assert!(!text.contains("Veerhaven,") && !text.contains("Anna"), "{name}: {text}");
    }
}

/// While a third party may still object, nothing leaves; while the decision can be appealed, the case and its hold stay.
fn waiting(desk: &Desk, bundle: &str) {
    let out = desk.stage.path("te-vroeg").display().to_string();
    let note = |case: &str, more: &[&str]| {
        desk.stage.zegel(&[&["case", "note", case, "--text", "na bekendmaking"], more].concat());
    };
    let other = "Woo 2026-18";
    let about =
        ["--regime", "woo", "--requester", "een ander", "--matter", "hetzelfde", "--custodian", "Anna de Vries"];
    desk.stage.zegel(&[&["case", "open", other], &about[..]].concat());
    note(other, &["--about", "besluit", "--decision", "besluit 3"]);
    let close = ["case", "close", other, "--reason", "ingetrokken"];
    assert!(desk.refused(&close).contains("can be appealed until"), "six weeks, without a word");
    note(CASE, &["--about", "zienswijze", "--until", "2999-01-01"]);
    let disclose = ["disclose", bundle, "--case", CASE, "--recipient", RECIPIENT, "--out", &out];
    assert!(desk.refused(&disclose).contains("waits until 2999-01-01"));
    assert!(!Path::new(&out).exists());
}

fn closed(desk: &Desk, disclose: &[&str]) {
    desk.stage.zegel(&["case", "close", CASE, "--reason", "geen beroep ingesteld"]);
    assert!(desk.refused(disclose).contains("is closed"));
}
