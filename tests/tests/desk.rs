//! The officer's desk in a real browser, with real clicks: reading, covering, approving; a case until it leaves; what ends; phones. And what the log has of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use zegel_tests::dossier::{CHAT, findings, read_out, run, stage};
use zegel_tests::{Stage, four_ways, listening_ports, readout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

struct Desk(Child);

impl Drop for Desk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: {program} is not installed, the desk was NOT seen in a browser");
    }
    found
}

/// axe-core, where the test of the report has put it.
fn axe() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME")?);
    Some(home.join(".cache/zegel/tools/axe/node_modules/axe-core/axe.min.js")).filter(|script| script.exists())
}

fn open(stage: &Stage, listen: &str) -> (Desk, String) {
    let mut desk = zegel_tests::command("zegel");
    desk.args(["desk", "--listen", listen, "--ledger", &stage.url(), "--keys"]).arg(stage.keys());
    let mut desk = desk.arg("--out").arg(stage.path("gemaakt")).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(desk.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let url = line.trim().trim_start_matches("open ").to_owned();
    (Desk(desk), url)
}

/// What an officer does in a browser. Where he needs something done behind the scenes, he says so and waits.
fn play(stage: &Stage, script: &str, mut behind: impl FnMut(&str)) -> String {
    let (desk, url) = open(stage, "127.0.0.1:0");
    assert_eq!(listening_ports(desk.0.id()).len(), 1, "one port and no more");
    let out = std::env::var_os("CARGO_TARGET_DIR").map_or(root().join("target"), PathBuf::from).join("report");
    let mut looked = Command::new("node");
    looked.arg(root().join("tests/browser").join(script)).arg(&url).arg(&out).args(axe());
    let looked = looked.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut looked = looked.spawn().expect("node runs");
    let (mut tell, said) = (looked.stdin.take().expect("a pipe"), looked.stdout.take().expect("a pipe"));
    let mut all = String::new();
    for line in BufReader::new(said).lines() {
        let line = line.expect("text");
        if let Some(wanted) = line.strip_prefix("DO ") {
            behind(wanted);
            writeln!(tell, "done").expect("told");
        }
        all.push_str(&line);
        all.push('\n');
    }
    let ended = looked.wait_with_output().expect("it ends");
    println!("{all}pictures: {}", out.display());
    assert!(ended.status.success(), "{all}{}", String::from_utf8_lossy(&ended.stderr));
    all
}

#[test]
fn an_officer_reads_covers_and_approves_with_real_clicks_and_the_bundle_has_his_covers() {
    if !is_there("node") || !is_there("chromium") {
        return;
    }
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna"]);
    stage.zegel(&["register", "conversation", "--title", "Dossier Veerhaven", "--channel", "whatsapp"]);
    let phone = stage.path("chat.txt");
    let original = std::fs::read_dir(readout("anna-android-nl")).expect("a phone").filter_map(Result::ok);
    let text = original.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "txt"));
    let mut chat = std::fs::read_to_string(text.expect("a chat")).expect("text");
    chat.push_str("05-05-2026 10:00 - Daan Visser: <img src=x onerror=\"window.xss=1\"> <script>window.xss=1</script> \u{202e}moraad\n");
    std::fs::write(&phone, chat).expect("written");
    let import = [
        "import",
        "whatsapp",
        phone.to_str().expect("a path"),
        "--custodian",
        "Anna",
        "--conversation",
        "Dossier Veerhaven",
    ];
    stage.zegel(&[&import[..], &["--timezone", "Europe/Amsterdam"]].concat());
    stage.zegel(&["policy", "four_eyes", "redaction"]);
    let about = ["--regime", "woo", "--requester", "een journalist", "--matter", "Veerhaven", "--custodian", "Anna"];
    stage.zegel(&[&["case", "open", "Woo 2026-17"], &about[..]].concat());

    let said = play(&stage, "desk.mjs", |_| {});

    let manifest = said.lines().find_map(|line| line.strip_prefix("manifest ")).expect("a manifest").to_owned();
    let bundle = stage.path("bundle");
    let order = ["export", "--conversation", "Dossier Veerhaven", "--recipient", "Verzoeker", "--manifest", &manifest];
    stage.zegel(&[&order[..], &["--out", bundle.to_str().expect("a path")]].concat());
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert_eq!(found["report"]["counts"]["covered_units"], 2);
    assert_eq!(found["report"]["counts"]["covered_by_ground"]["5.1.2i"], 2);
}

/// Files below a folder, by their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).expect("a folder") {
        let path = item.expect("an item").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn holds(file: &Path, words: &str) -> bool {
    let bytes = std::fs::read(file).expect("read");
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

const HOSTILE: &str = "<img src=x onerror=\"window.xss=1\"> <script>window.xss=1</script> \u{202e}moraad";

#[test]
fn a_case_goes_from_its_opening_to_what_leaves_only_with_a_second_pair_of_eyes_that_saw_the_words() {
    if !is_there("node") || !is_there("chromium") {
        return;
    }
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", "Anna"]);
    stage.zegel(&["register", "conversation", "--title", "Dossier", "--channel", "whatsapp"]);
    let chat = [
        "13-05-2026 09:00 - Anna: goedemorgen".to_owned(),
        format!("13-05-2026 09:01 - Bram: bel dokter Zevenaar over de kade {HOSTILE}"),
        "14-05-2026 10:00 - Anna: doe ik =1+1".to_owned(),
    ];
    std::fs::write(stage.path("chat.txt"), chat.join("\n") + "\n").expect("written");
    let file = stage.path("chat.txt").display().to_string();
    let of = ["--custodian", "Anna", "--conversation", "Dossier", "--timezone", "Europe/Amsterdam"];
    stage.zegel(&[&["import", "whatsapp", &file], &of[..]].concat());
    stage.zegel(&["policy", "four_eyes", "redaction"]);
    let (key, hidden) = (stage.keys().join("approver.key"), stage.path("approver.key"));
    play(&stage, "desk-case.mjs", |wanted| match wanted {
        "hide the approver's key" => std::fs::rename(&key, &hidden).expect("hidden"),
        _ => std::fs::rename(&hidden, &key).expect("back"),
    });

    // One package, as the command makes it: PDFs, lists and the bundle, and no covered word in any of it.
    let made = files(&stage.path("gemaakt/Woo-2026-17"));
    let named =
        |name: &str| made.iter().find(|path| path.ends_with(name)).unwrap_or_else(|| panic!("{name}: {made:?}"));
    let pdfs = made.iter().filter(|path| path.extension().is_some_and(|end| end == "pdf")).count();
    assert_eq!(pdfs, 2, "a document a day: {made:?}");
    assert!(holds(named("inventarislijst.csv"), "5.1.2e") && holds(named("productierapport.csv"), "chat"));
    assert!(made.iter().all(|file| !holds(file, "Zevenaar")), "{made:?}");
    let package = named("lees-mij.txt").parent().expect("a package").to_owned();
    let (code, found) = stage.verify(&package.join("bewijspakket"), &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert_eq!(found["report"]["counts"]["covered_by_ground"]["5.1.2e"], 1);
    let listed = stage.keys().display().to_string();
    let listed =
        zegel_tests::command("zegel").args(["--json", "case", "list", "--keys", &listed]).output().expect("run");
    let book: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let case = &book["result"]["Woo 2026-17"];
    assert_eq!(
        (&case["is_closed"], case["noted"].as_array().map(Vec::len)),
        (&true.into(), Some(4)),
        "search, term of appeal, decision, term: {case:#}"
    );
    assert_eq!(case["disclosures"].as_array().map(Vec::len), Some(1), "{case:#}");
    let sums = std::fs::read(package.join("SHA256SUMS")).expect("sums");
    use sha2::Digest;
    let digest: String = sha2::Sha256::digest(&sums).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(case["disclosures"][0]["package"], digest, "the log names this very package");

    // The ministry turns the switch: the same button now does it.
    run(&stage, &["policy", "permanent_redaction", "on"]);
    play(&stage, "desk-forever.mjs", |_| {});
    let bundle = stage.path("na");
    stage.zegel(
        &[&["export", "--recipient", "Inspectie", "--out", bundle.to_str().expect("a path")], &CHAT[..]].concat(),
    );
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert!(findings(&found).contains(&"PERMANENTLY_REDACTED"), "{found:#}");
    assert!(files(&bundle).iter().all(|file| !holds(file, "Zevenaar")));
}

#[test]
fn chats_of_every_way_of_capture_are_read_covered_and_leave_in_every_form() {
    if !is_there("node") || !is_there("chromium") {
        return;
    }
    let (stage, shots) = four_ways::stage();
    let _ = four_ways::import_all(&stage, &shots);
    stage.zegel(&["policy", "four_eyes", "redaction"]);
    play(&stage, "desk-mixed.mjs", |_| {});

    let made = files(&stage.path("gemaakt/Woo-Veerhaven"));
    let ends = |end: &str| made.iter().filter(|path| path.to_string_lossy().ends_with(end)).count();
    assert!(ends("pakbon.xml") == 1 && ends(".rsmf") >= 1 && ends("aantallen.csv") == 1, "{made:?}");
    // A word of Signal is covered in the text, and so is the record beside it, which says the word again.
    let bundle = made.iter().find(|path| path.ends_with("bewijspakket/bag-info.txt")).and_then(|path| path.parent());
    let (code, found) = stage.verify(bundle.expect("a bundle in the package of the investigators"), &[]);
    assert_eq!((code, &found["report"]["counts"]["covered_by_ground"]["5.1.2e"]), (Some(0), &2.into()), "{found:#}");
    assert!(made.iter().filter(|file| file.to_string_lossy().contains("pakket-")).all(|file| !holds(file, "ja hoor")));
}

#[test]
fn what_is_due_ends_by_clicks_with_four_eyes_and_never_under_a_hold() {
    if !is_there("node") || !is_there("chromium") {
        return;
    }
    let stage = stage();
    let hostile = format!("13-02-2026 09:00 - Anna: op termijn vernietigd {HOSTILE}");
    let late = "13-11-2026 09:00 - Anna: dit blijft nog";
    let lines = [hostile.as_str(), "13-03-2026 09:00 - Bram: van mijn zus", late];
    assert_eq!(read_out(&stage, "chat.txt", &lines)["counts"]["new"], 3);
    run(&stage, &["policy", "selection_list", "BZK chat/2026-1\n2.3;V;1;month;Ambtelijke top\n"]);
    play(&stage, "desk-ends.mjs", |_| {});
    let made = files(&stage.path("gemaakt/verklaringen"));
    let forms = ["json", "pdf", "txt"]
        .map(|form| made.iter().filter(|path| path.extension().is_some_and(|end| end == form)).count());
    assert_eq!(forms, [1, 1, 1], "{made:?}");
    let told = made.iter().find(|path| path.extension().is_some_and(|end| end == "json")).expect("a declaration");
    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(told).expect("read")).expect("JSON");
    assert_eq!((&told["goedgekeurd_door"], &told["aantal"]), (&"hoofd DIV".into(), &1.into()), "{told:#}");
    let bundle = stage.path("bundle");
    stage.zegel(
        &[&["export", "--recipient", "Inspectie", "--out", bundle.to_str().expect("a path")], &CHAT[..]].concat(),
    );
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert!(findings(&found).contains(&"DESTROYED") && !findings(&found).contains(&"WEEDED"), "{found:#}");
    let all = files(&bundle);
    assert!(all.iter().all(|file| !holds(file, "termijn ")) && all.iter().any(|file| holds(file, "zus")));
}

#[test]
fn a_contact_is_admitted_or_refused_and_a_phone_is_cleared_only_after_the_receipts() {
    if !is_there("node") || !is_there("chromium") {
        return;
    }
    let stage = stage();
    stage.zegel(&["register", "custodian", "--name", "Dave"]);
    for title in ["Kabinet", "Lobbyist", "Journalist"] {
        stage.zegel(&["register", "conversation", "--title", title, "--channel", "whatsapp"]);
    }
    assert_eq!(read_out(&stage, "before.txt", &["13-05-2026 08:00 - Anna: eerste"])["counts"]["new"], 1);
    run(&stage, &["policy", "admission", "admission_first"]);
    let read = |round: &str| {
        let mut arguments = vec!["import".to_owned(), "whatsapp".into()];
        for (minute, title) in ["Dossier", "Kabinet", "Lobbyist", "Journalist"].iter().enumerate() {
            let file = stage.path(&format!("{title}-{round}.txt"));
            std::fs::write(&file, format!("14-05-2026 09:{minute:02} - Bram: {round}\n")).expect("written");
            arguments.push(file.display().to_string());
        }
        for title in ["Dossier", "Kabinet", "Lobbyist", "Journalist"] {
            arguments.extend(["--conversation".to_owned(), title.to_owned()]);
        }
        arguments.extend(["--custodian", "Carol", "--timezone", "Europe/Amsterdam"].map(String::from));
        let found = run(&stage, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let chats = found["chats"].as_array().expect("chats").clone();
        chats.iter().map(|chat| chat["left_out"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    let waits = "contact_not_admitted";
    run(&stage, &["contact", "admit", "--custodian", "Carol", "--conversation", "Kabinet"]);
    assert_eq!(read("een"), ["", "", waits, waits]);
    run(&stage, &["hold", "place", "--conversation", "Kabinet", "--reason", "enquete"]);

    // A read-out that hangs with a signed batch for which it has no receipt; once its process is gone, the desk sends what it left.
    let mut signing = None;
    play(&stage, "desk-phones.mjs", |wanted| match wanted {
        "sign a message that the log does not answer for" => signing = Some(unanswered(&stage)),
        _ => drop(signing.take()),
    });
    let made = files(&stage.path("gemaakt/vrijgaven"));
    assert!(made.iter().any(|path| path.extension().is_some_and(|end| end == "pdf")), "{made:?}");
    assert_eq!(read("twee"), ["", "", "", "contact_refused"]);
    let bundle = stage.path("bundle");
    stage.zegel(
        &[&["export", "--recipient", "Inspectie", "--out", bundle.to_str().expect("a path")], &CHAT[..]].concat(),
    );
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert!(findings(&found).contains(&"DEVICE_CLEARED"), "{found:#}");
}

/// Bytes that reach the ledger: enough to open a source, and not for a batch with a long text.
const PASSED_BYTES: usize = 32 * 1024;

/// A way to the ledger that swallows what comes after so many bytes. Gives its port.
fn narrow(ledger: &str) -> u16 {
    let ledger = ledger.replace("https://", "");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(&ledger).expect("the ledger listens");
            let (mut up, mut down) = (client.try_clone().expect("cloned"), client);
            let (mut to, mut from) = (server.try_clone().expect("cloned"), server);
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut (&mut up).take(PASSED_BYTES as u64), &mut to);
                let _ = std::io::copy(&mut up, &mut std::io::sink());
            });
            std::thread::spawn(move || std::io::copy(&mut from, &mut down));
        }
    });
    port
}

/// A source that has put a signed batch in its outbox and waits for an answer that never comes.
fn unanswered(stage: &Stage) -> Desk {
    let way = format!("https://localhost:{}", narrow(&stage.url()));
    let mut append = zegel_tests::command("zegel");
    append.args(["append", "--ledger", &way, "--keys"]).arg(stage.keys());
    let mut append = append.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it starts");
    let line = serde_json::json!({
        "kind": "MESSAGE_CREATED", "custodian": "Carol", "conversation": "Dossier", "channel": "WHATSAPP",
        "proof_class": "C_EXPORT_FILE", "at": "2026-05-14T10:00:00Z", "text": "nog een ".repeat(8_000),
    });
    writeln!(append.stdin.take().expect("a pipe"), "{line}").expect("written");
    let outbox = stage.keys().join("spool/source/outbox");
    let is_batch = |file: std::fs::DirEntry| file.path().extension().is_some_and(|end| end == "append");
    let waits = || std::fs::read_dir(&outbox).is_ok_and(|found| found.filter_map(Result::ok).any(is_batch));
    while !waits() {
        assert!(append.try_wait().expect("asked").is_none(), "it waits");
        std::thread::yield_now();
    }
    Desk(append)
}

#[test]
fn the_desk_is_for_this_machine_only() {
    let stage = Stage::new();
    let output = stage.try_zegel(&["desk", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not on the loopback interface"));
}
