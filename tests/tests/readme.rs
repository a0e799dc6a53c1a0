//! The README's own commands, word for word: from two real read-outs to a partly redacted, disclosed package and an inspector's report.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use zegel_tests::{Stage, readout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// Two read-outs of one group: the ones in the folder of shared data, or the project's own.
fn phones() -> [PathBuf; 2] {
    let shared = std::env::var_os("ZEGEL_SHARED").map_or(root().join("../shared"), PathBuf::from);
    let real = ["carol-android-nl", "dave-ios-nl"].map(|name| shared.join("data/whatsapp-readouts").join(name));
    if real.iter().all(|phone| phone.exists()) {
        return real;
    }
    eprintln!("the real read-outs are not here: the project's own are taken");
    ["anna-android-nl", "bram-ios-nl"].map(readout)
}

/// The words of a command line, without its quotes.
fn words(line: &str) -> Vec<String> {
    let one = |(number, part): (usize, &str)| match number % 2 {
        0 => part.split_whitespace().map(String::from).collect(),
        _ => vec![part.to_owned()],
    };
    line.split('"').enumerate().flat_map(one).collect()
}

/// The commands below the line that says this.
fn block(readme: &str, after: &str) -> Vec<String> {
    let lines = readme.lines().skip_while(|line| !line.contains(after)).skip(2);
    lines.take_while(|line| line.starts_with("    zegel")).map(|line| line.trim().to_owned()).collect()
}

/// A ministry at which the README is followed.
struct Reader {
    stage: Stage,
    phones: [PathBuf; 2],
    manifest: String,
    export: String,
}

impl Reader {
    fn place(&self, word: &str) -> String {
        let path = |path: &Path| path.display().to_string();
        match word {
            "phone-1" => path(&self.phones[0]),
            "phone-2" => path(&self.phones[1]),
            "ministry/" => path(&self.stage.keys()),
            "ministry.txt" => path(&self.stage.trust()),
            "URL" => self.stage.url(),
            "MANIFEST" => self.manifest.clone(),
            "ID" => self.export.clone(),
            "plan.json" | "disclosed" | "report.html" | "pakket" => path(&self.stage.path(word)),
            _ => word.to_owned(),
        }
    }

    fn follow(&mut self, line: &str) {
        let words: Vec<String> = words(line).iter().map(|word| self.place(word)).collect();
        let says_id =
            words[0] == "zegel" && ["propose", "export"].iter().any(|step| words.iter().any(|word| word == step));
        let mut command = zegel_tests::command(&words[0]);
        if says_id {
            command.arg("--json");
        }
        let output = command.args(&words[1..]).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{line}\n{said}{}", String::from_utf8_lossy(&output.stderr));
        if says_id {
            let said: Value = serde_json::from_str(&said).expect("JSON");
            let id = |name: &str| said["result"][name].as_str().map(String::from);
            self.manifest = id("manifest").unwrap_or_else(|| self.manifest.clone());
            self.export = id("export").unwrap_or_else(|| self.export.clone());
        }
    }
}

/// Text of a PDF as other people's tool reads it; `None` where that is not installed.
fn text_of(pdf: &Path) -> Option<String> {
    let Ok(output) = Command::new("pdftotext").arg("-layout").arg(pdf).arg("-").output() else {
        eprintln!("SKIPPED: pdftotext is not installed, the words of the PDF were NOT read back");
        return None;
    };
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// It stays, so that people look at it: the report, and pictures of the first pages.
fn keep(stage: &Stage) -> PathBuf {
    let out = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from).join("readme");
    std::fs::create_dir_all(&out).expect("a folder");
    for file in ["report.html", "report.json"] {
        std::fs::copy(stage.path(file), out.join(file)).expect("copied");
    }
    for list in ["inventarislijst.csv", "productierapport.csv", "lees-mij.txt", "documenten/00001.pdf"] {
        let name = Path::new(list).file_name().expect("a name");
        std::fs::copy(stage.path("pakket").join(list), out.join(name)).expect("copied");
    }
    let pictures = Command::new("pdftoppm")
        .args(["-r", "70", "-png", "-l", "3"])
        .arg(out.join("00001.pdf"))
        .arg(out.join("document"))
        .status();
    if !pictures.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: pdftoppm is not installed, the document was NOT seen");
    }
    out
}

#[test]
fn the_commands_of_the_readme_lead_to_a_disclosed_package_in_which_each_message_stands_once() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let stage = Stage::new();
    for name in ["Carol", "Dave"] {
        stage.zegel(&["register", "custodian", "--name", name, "--function", "minister"]);
    }
    stage.zegel(&["register", "conversation", "--title", "Test export", "--channel", "whatsapp"]);
    let mut reader = Reader { stage, phones: phones(), manifest: String::new(), export: String::new() };
    let commands = [block(&readme, "From two phones:"), block(&readme, "in a case that the log knows first")].concat();
    assert_eq!(commands.len(), 14, "the README shows the whole path: {commands:#?}");
    commands.iter().for_each(|line| reader.follow(line));

    let stage = &reader.stage;
    let package = stage.path("pakket");
    assert_eq!(stage.verify(&package.join("bewijspakket"), &[]).0, Some(0));
    let list = std::fs::read_to_string(package.join("inventarislijst.csv")).expect("a list");
    assert!(list.contains("Deels openbaar") && list.contains("5.1.2e"), "{list}");
    let report = std::fs::read_to_string(stage.path("report.html")).expect("a report");
    assert!(report.contains("<html lang=\"nl\">") && report.contains("Volledigheid") && report.contains("5.1.2e"));
    let out = keep(stage);
    println!("to look at: {}", out.display());
    seen(&out);
    once(&package);
    covered(&package);
}

/// The report in a browser, on a desk and on a phone, and printed.
fn seen(out: &Path) {
    let is_there =
        |program: &str| Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there("node") || !is_there("chromium") {
        eprintln!("SKIPPED: node and chromium are not installed, the report was NOT seen in a browser");
        return;
    }
    let mut looked = Command::new("node");
    looked.arg(root().join("tests/browser/report.mjs")).arg(out.join("report.html")).arg(out);
    let looked = looked.output().expect("node runs");
    let said = String::from_utf8_lossy(&looked.stdout);
    assert!(looked.status.success(), "{said}{}", String::from_utf8_lossy(&looked.stderr));
}

/// What both phones have is told once, and the document says of whom it was read.
fn once(package: &Path) {
    let folder = std::fs::read_dir(package.join("documenten")).expect("documents");
    let texts: Option<Vec<String>> = folder.map(|item| text_of(&item.expect("an item").path())).collect();
    let Some(texts) = texts else { return };
    let all = texts.concat();
    assert!(all.contains("Gelezen van meer dan een toestel"), "{all:.2000}");
    // Of both phones, the ministry's or our own; the second was in the group from 16:11 on.
    for once in ["Ik ga ook op vliegtuigstand voor 5 minuten", "Top dat gaan we doen!", "Goedemorgen, hier alles over"]
    {
        assert!(all.matches(once).count() <= 1, "{once:?} in {all}");
    }
    assert!(all.contains("Top dat gaan we doen!") || all.contains("Goedemorgen"), "{all:.2000}");
}

/// What the commands cover, telephone numbers and a name, is in no document. (That no stream holds it either: `disclosure.rs`.)
fn covered(package: &Path) {
    for item in std::fs::read_dir(package.join("documenten")).expect("documents") {
        let pdf = item.expect("an item").path();
        let Some(text) = text_of(&pdf) else { return };
        for hidden in ["+31 6", "Alice"] {
            assert!(!text.contains(hidden), "{hidden:?} is in {}: {text}", pdf.display());
        }
    }
}
