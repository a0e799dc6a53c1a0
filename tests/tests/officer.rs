//! The officer's work, as he types it: classify, review, search, redact with four eyes, hold, and what each refuses.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zegel_ledger::{Config, EraseError, Faults, Step, StoreError};
use zegel_tests::dossier::second_verifier;
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

fn json(text: &str) -> Value {
    serde_json::from_str::<Value>(text).unwrap_or_else(|reason| panic!("{reason}: {text}"))["result"].clone()
}

/// The words of a command line, without its quotes.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    parts
        .flat_map(|(number, part)| match number % 2 {
            0 => part.split_whitespace().map(String::from).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

fn stage() -> Stage {
    let stage = Stage::new();
    for name in ["Carol", "Dave"] {
        stage.zegel(&["register", "custodian", "--name", name, "--function", "minister"]);
    }
    stage.zegel(&["register", "conversation", "--title", "Test export", "--channel", "whatsapp"]);
    stage
}

/// Reason of a command that must be refused, with exit code 2.
fn refused(stage: &Stage, arguments: &[&str]) -> String {
    let output = stage.try_zegel(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All bytes of a bundle.
fn bytes_of(bundle: &Path) -> Vec<u8> {
    let data = std::fs::read_dir(bundle.join("data")).expect("a bundle");
    let files = data.map(|file| file.expect("a file").path()).filter(|path| path.is_file());
    files.flat_map(|path| std::fs::read(path).expect("read")).collect()
}

/// A ministry that read out Carol's phone.
fn read_out() -> Stage {
    let stage = stage();
    let phone = readout("anna-android-nl").display().to_string();
    let of = ["--custodian", "Carol", "--conversation", "Test export", "--timezone", "Europe/Amsterdam"];
    stage.zegel(&[&["import", "whatsapp", &phone], &of[..]].concat());
    stage
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_commands_of_the_readme_lead_from_two_read_outs_to_a_partly_redacted_bundle_and_its_report() {
    let stage = stage();
    let phones = phones();
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let lines = readme.lines().skip_while(|line| !line.contains("From two phones:")).skip(2);
    let commands: Vec<&str> = lines.take_while(|line| line.starts_with("    zegel")).map(str::trim).collect();
    assert_eq!(commands.len(), 9, "the README shows the whole path");
    let mut manifest = String::new();
    for line in commands {
        let place = |word: String| match word.as_str() {
            "phone-1" => phones[0].display().to_string(),
            "phone-2" => phones[1].display().to_string(),
            "ministry/" => stage.keys().display().to_string(),
            "ministry.txt" => stage.trust().display().to_string(),
            "URL" => stage.url(),
            "MANIFEST" => manifest.clone(),
            "plan.json" | "disclosed" | "report.html" => stage.path(&word).display().to_string(),
            _ => word,
        };
        let words: Vec<String> = words(line).into_iter().map(place).collect();
        let mut command = zegel_tests::command(&words[0]);
        if words.contains(&"propose".into()) {
            command.arg("--json");
        }
        let output = command.args(&words[1..]).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{line}\n{said}{}", String::from_utf8_lossy(&output.stderr));
        if words.contains(&"propose".into()) {
            manifest = json(&said)["manifest"].as_str().expect("a manifest").into();
        }
    }
    let bundle = stage.path("disclosed");
    let (code, found) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert!(found["report"]["counts"]["covered_by_ground"]["5.1.2e"].as_u64() > Some(10), "{found:#}");
    // What was covered is nowhere in the bundle, and the rest is.
    let plan: Value = serde_json::from_slice(&std::fs::read(stage.path("plan.json")).expect("a plan")).expect("JSON");
    let bytes = bytes_of(&bundle);
    for hit in plan["hits"].as_array().expect("hits") {
        let shown = hit["shows"].as_str().expect("context");
        let covered = shown.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
        let covered = covered.map_or("", |(covered, _)| covered);
        assert!(covered.len() < 5 || !holds(&bytes, covered), "{covered:?} is in the bundle");
    }
    assert!(holds(&bytes, "Goedemorgen") || holds(&bytes, "vliegtuigstand"), "what is open can be read");
    let report = std::fs::read_to_string(stage.path("report.html")).expect("a report");
    assert!(report.contains("5.1.2e"), "the report shows the ground");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn decisions_add_up_and_what_the_lists_do_not_know_is_refused() {
    let stage = read_out();
    let chat = ["--conversation", "Test export"];
    let run = |arguments: &[&str]| json(&stage.zegel(&[&["--json"], arguments].concat()));
    let on_chat = |arguments: &[&str]| run(&[arguments, &chat].concat());

    // Classes: of a conversation, then of a contact; a list of the ministry's own; what no list has.
    on_chat(&["accept"]);
    on_chat(&["classify", "--class", "zakelijk", "--test", "content"]);
    on_chat(&["classify", "--class", "prive", "--test", "contact", "--contact", "Daan Visser"]);
    let unknown = refused(&stage, &[&["classify", "--class", "geheim", "--test", "content"], &chat[..]].concat());
    assert!(unknown.contains("\"geheim\" is not in the class list") && unknown.contains("partijpolitiek"), "{unknown}");
    let test = refused(&stage, &[&["classify", "--class", "prive", "--test", "gevoel"], &chat[..]].concat());
    assert!(test.contains("\"gevoel\" is not a test"), "{test}");
    let nothing = refused(&stage, &["classify", "--class", "prive", "--test", "content"]);
    assert!(nothing.contains("nothing is selected"), "{nothing}");
    let list = stage.path("classes.json");
    std::fs::write(
        &list,
        r#"{"version":"klassen/2","classes":[{"code":"kabinet","nl":"Kabinetszaak","en":"Cabinet"}]}"#,
    )
    .expect("written");
    run(&["classes", list.to_str().expect("a path")]);
    refused(&stage, &[&["classify", "--class", "prive", "--test", "content"], &chat[..]].concat());

    // A sheet goes out and comes back: the words are no formula, only decisions are taken, a strange place refuses all of it.
    let sheet = stage.path("sheet.csv");
    let path = sheet.to_str().expect("a path");
    let rows = on_chat(&["review", "export", "--out", path, "--reason", "beoordeling"])["rows"].as_u64();
    assert!(rows > Some(20), "{rows:?}");
    let text = std::fs::read_to_string(&sheet).expect("a sheet");
    assert!(text.contains(";zakelijk;") && text.contains(";prive;"), "classes of the older list stand: {text}");
    assert!(text.contains("'+31 6 00000003"), "a number is no formula");
    let row = text.lines().find(|line| line.contains("⟨0⟩Goedemorgen, ⟨1⟩hier")).expect("a message");
    let place = row.split(';').next().expect("a place");
    let header = text.lines().next().expect("columns");
    let filled = |place: &str, cover: &str| {
        std::fs::write(&sheet, format!("{header}\n{place};;;;;;;;;;kabinet;content;{cover};5.1.2.i\n"))
            .expect("written");
    };
    let plan = stage.path("sheet-plan.json");
    let taking = [&["review", "import", path, "--plan", plan.to_str().expect("a path")], &chat[..]].concat();
    filled("9999:0", "0");
    assert!(refused(&stage, &taking).contains("\"9999:0\" is not the place of a message"));
    filled(place, "9999");
    assert!(refused(&stage, &taking).contains("column lakken"));
    filled(place, "0-1");
    assert_eq!(run(&taking)["classified"], 1);

    // A holder's claim is open until it is settled, and no longer.
    let claim = run(&["claim", "place", "--event", place, "--person", "Carol", "--reason", "mijn zus"]);
    let claim = claim["decided"]["act"].as_str().expect("an id").to_owned();
    assert_eq!(run(&["claim", "list"])["claims"][0]["person"], "Carol");
    assert!(refused(&stage, &["policy", "claim_days", "0"]).contains("1 to 366 days"));
    run(&["policy", "claim_days", "30"]);
    run(&["claim", "place", "--event", place, "--person", "Carol", "--reason", "ook van mij"]);
    let own = stage.path("eigen.csv");
    let shown = run(&["claim", "show", "--custodian", "Carol", "--out", own.to_str().expect("a path")]);
    assert!(shown["rows"].as_u64() > Some(20), "{shown:#}");
    run(&["claim", "settle", &claim, "--class", "kabinet"]);
    assert_eq!(run(&["claim", "list"])["claims"].as_array().map(Vec::len), Some(1), "the other claim is open");
    assert!(refused(&stage, &["claim", "settle", &claim, "--class", "kabinet"]).contains("no open claim"));

    // Policies with fixed values take no others; content marked too high is found and leaves an incident, without its words.
    run(&["policy", "admission", "admission_first"]);
    assert!(refused(&stage, &["policy", "admission", "misschien"]).contains("admission_first, direct_capture"));
    assert!(refused(&stage, &["policy", "rubricering_max", "geheim"]).contains("cannot be"));
    let scan = [&["rubricering", "--incident", "2026-3"], &chat[..]].concat();
    assert!(stage.zegel(&scan).contains("nothing is marked"));

    // A search says why, and finds by words, sender and channel.
    let search = |more: &[&str]| on_chat(&[&["search", "--word", "goedemorgen"], more].concat())["found"].clone();
    let purpose = ["--reason", "Woo 2026-17"];
    assert!(search(&purpose).as_array().is_some_and(|found| found.len() >= 2));
    assert_eq!(search(&[&["--sender", "bram"], &purpose[..]].concat()).as_array().map(Vec::len), Some(2));
    assert_eq!(search(&[&["--channel", "signal"], &purpose[..]].concat()).as_array().map(Vec::len), Some(0));
    assert_eq!(stage.try_zegel(&[&["search", "--word", "x"], &chat[..]].concat()).status.code(), Some(3));

    // Terms come from a list in the log; a hold is independent of them and ends by its own release.
    refused(&stage, &[&["retain", "--category", "2.3"], &chat[..]].concat());
    run(&["policy", "selection_list", "BZK chat/2026-1\n2.3;V;1;month;Ambtelijke top\n"]);
    on_chat(&["retain", "--category", "2.3"]);
    let hold = run(&["hold", "place", "--function", "minister", "--reason", "enquete"]);
    let due = run(&["due"]);
    let rows = due["due"].as_array().expect("rows");
    let may = rows.iter().find(|row| row["month"] == 202_605).expect("May");
    assert_eq!(
        (&may["category"], &may["term"]["month"], &may["is_past"]),
        (&"2.3".into(), &202_606.into(), &true.into())
    );
    let id = hold["decided"]["act"].as_str().expect("an id").to_owned();
    assert_eq!(run(&["hold", "list"])["holds"].as_array().map(Vec::len), Some(1));
    run(&["hold", "release", &id]);
    assert_eq!(run(&["hold", "list"])["holds"].as_array().map(Vec::len), Some(0));
    assert!(refused(&stage, &["hold", "release", &id]).contains("no hold in force"));
}

#[test]
fn what_is_covered_needs_four_eyes_and_what_is_released_after_an_objection_verifies_beside_it() {
    let stage = read_out();
    let run = |arguments: &[&str]| json(&stage.zegel(&[&["--json"], arguments].concat()));
    run(&["policy", "four_eyes", "redaction,destruction"]);
    let plan = stage.path("plan.json");
    let path = plan.to_str().expect("a path");
    let found = run(&[
        "redact",
        "plan",
        "--conversation",
        "Test export",
        "--words",
        "kamerbrief",
        "--ground",
        "5.2",
        "--out",
        path,
    ]);
    assert!(found["hits"].as_array().is_some_and(|hits| !hits.is_empty()), "{found:#}");
    let propose = ["redact", "propose", path, "--decision", "Woo 2026-17"];
    assert!(refused(&stage, &propose).contains("confirm each"));
    let confirm = |more: &[&str]| {
        let done =
            zegel_tests::command("zegel").args(["redact", "confirm", path]).args(more).status().expect("it runs");
        assert!(done.success());
    };
    confirm(&[]);
    let manifest = run(&propose)["manifest"].as_str().expect("an id").to_owned();
    let out = |name: &str| stage.path(name).display().to_string();
    let export = |manifest: &str, name: &str| {
        let order = ["export", "--conversation", "Test export", "--recipient", "Verzoeker", "--manifest", manifest];
        stage.try_zegel(&[&order[..], &["--out", &out(name)]].concat())
    };
    let early = export(&manifest, "early");
    assert_eq!(early.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&early.stderr).contains("nobody approved what is covered"));
    assert_eq!(run(&["approve"])["waiting"].as_array().map(Vec::len), Some(1));
    run(&["approve", &manifest, "--person", "hoofd DIV"]);
    assert_eq!(run(&["approve"])["waiting"].as_array().map(Vec::len), Some(0));
    assert!(export(&manifest, "first").status.success());

    // After an objection one word less is covered: a new manifest, approved again. Both verify under one log.
    let again = stage.path("again.json");
    run(&["redact", "reopen", &manifest, "--out", again.to_str().expect("a path")]);
    let done = zegel_tests::command("zegel")
        .args(["redact", "confirm", again.to_str().expect("a path"), "--leave", "0"])
        .status();
    assert!(done.expect("it runs").success());
    let second = run(&["redact", "propose", again.to_str().expect("a path"), "--decision", "op bezwaar"]);
    let second = second["manifest"].as_str().expect("an id");
    run(&["approve", second]);
    assert!(export(second, "second").status.success());
    let covered = |name: &str| {
        let (code, found) = stage.verify(&stage.path(name), &[]);
        assert_eq!(code, Some(0), "{found:#}");
        found["report"]["counts"]["covered_units"].as_u64().expect("a count")
    };
    assert!(covered("second") < covered("first") && covered("second") > 0);
}

/// Stops before a step.
struct StopAt(Step);

impl Faults for StopAt {
    fn before(&self, step: Step) -> Result<(), String> {
        if step == self.0 { Err("stopped".into()) } else { Ok(()) }
    }
}

/// Ids of the findings of a report.
fn findings(report: &Value) -> Vec<String> {
    let all = report["report"]["findings"].as_array().expect("findings");
    all.iter().map(|finding| finding["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn what_is_destroyed_is_gone_declared_and_never_passes_for_what_is_missing() {
    let mut stage = read_out();
    let run = |stage: &Stage, arguments: &[&str]| json(&stage.zegel(&[&["--json"], arguments].concat()));
    let chat = ["--conversation", "Test export"];
    let out = |stage: &Stage, name: &str| stage.path(name).display().to_string();
    let export = |stage: &Stage, name: &str, more: &[&str]| {
        let order = ["export", "--recipient", "Inspectie", "--out", &out(stage, name)];
        stage.zegel(&[&order[..], &chat, more].concat());
        stage.verify(&stage.path(name), &[])
    };
    assert_eq!(export(&stage, "before", &[]).0, Some(0));

    // Not before a term has passed, not under a hold, not as what it is not.
    let propose = [&["destroy", "propose"], &chat[..]].concat();
    assert!(refused(&stage, &propose).contains("is not due"));
    run(
        &stage,
        &["policy", "selection_list", "BZK chat/2026-1\n1.1;B;;;Bewindspersonen\n2.3;V;1;month;Ambtelijke top\n"],
    );
    run(&stage, &[&["retain", "--category", "1.1"], &chat[..]].concat());
    assert!(refused(&stage, &propose).contains("is not due: Kept"));
    run(&stage, &[&["retain", "--category", "2.3"], &chat[..]].concat());
    let hold = run(&stage, &[&["hold", "place", "--reason", "enquete"], &chat[..]].concat());
    let hold = hold["decided"]["act"].as_str().expect("an id").to_owned();
    assert!(refused(&stage, &propose).contains("is held: enquete"));
    run(&stage, &["hold", "release", &hold]);
    assert!(refused(&stage, &[&propose[..], &["--end", "geschoond"]].concat()).contains("only what is prive"));
    assert!(refused(&stage, &[&propose[..], &["--end", "datalek"]].concat()).contains("names its incident"));
    let proposal = run(&stage, &propose)["proposal"].as_str().expect("an id").to_owned();

    // Four eyes, and the rules once more.
    let path = out(&stage, "order.txt");
    let order = ["destroy", "order", &proposal, "--out", &path];
    assert!(refused(&stage, &order).contains("nobody but its proposer approved"));
    run(&stage, &["approve", &proposal, "--person", "hoofd DIV"]);
    let hold = run(&stage, &[&["hold", "place", "--reason", "Kamervragen"], &chat[..]].concat());
    assert!(refused(&stage, &order).contains("is held: Kamervragen"));
    run(&stage, &["hold", "release", hold["decided"]["act"].as_str().expect("an id")]);
    run(&stage, &order);
    let declaration = out(&stage, "verklaring.json");
    let declare = ["destroy", "declare", &proposal, "--out", &declaration];
    assert!(refused(&stage, &declare).contains("still have their content"));

    // The ledger believes two signatures over this very list, erases, finds nothing, and can do it again.
    assert_eq!(stage.stop(), Some(0));
    let erase = |order: &str| {
        let mut ledger = zegel_tests::command("zegel-ledger");
        ledger.args(["erase", "--config"]).arg(stage.keys().join("ledger.toml")).arg(order).output().expect("it runs")
    };
    let text = std::fs::read_to_string(&path).expect("an order");
    let mut lines: Vec<&str> = text.lines().collect();
    let forged = out(&stage, "forged.txt");
    std::fs::write(&forged, text.replacen(lines[4], "1 0", 1)).expect("written");
    assert_eq!(erase(&forged).status.code(), Some(2));
    lines.pop();
    std::fs::write(&forged, lines.join("\n") + "\n").expect("written");
    let one_pair = erase(&forged);
    assert!(String::from_utf8_lossy(&one_pair.stderr).contains("an officer and an approver are wanted"));
    // Stopped before each of its steps, it goes on and ends the same; the last of these stops had erased everything.
    let config = Config::read(&stage.keys().join("ledger.toml")).expect("a configuration");
    let steps = [Step::EraseIntent, Step::EraseKeys, Step::EraseBodies, Step::EraseFiles, Step::EraseMarks];
    let scrub = stage.keys().join("store/scrub");
    for step in steps {
        // The copy of a scrub that was under way keeps the very files alive that are written anew.
        std::fs::create_dir_all(scrub.join("log")).expect("a folder");
        let stopped = zegel_ledger::erase_with(&config, &text, Arc::new(StopAt(step)));
        assert!(!scrub.join("log").exists(), "{step:?}: the copy is gone before anything else");
        let is_stopped =
            matches!(&stopped, Err(EraseError::Store(StoreError::Failed { reason, .. })) if reason == "stopped");
        assert!(is_stopped, "{step:?}: {stopped:?}");
        stage.check();
    }
    for before in ["of them before)", "of them before)"] {
        let erased = erase(&path);
        let said = String::from_utf8_lossy(&erased.stdout).into_owned();
        assert!(erased.status.success(), "{said}{}", String::from_utf8_lossy(&erased.stderr));
        assert!(said.contains(before) && said.contains("none of it was found"), "{said}");
    }
    stage.check();
    stage.start();

    // Declared, and shown as destroyed; what only claims to be is an error; an auditor finds nothing missing.
    run(&stage, &declare);
    let text = std::fs::read_to_string(stage.path("verklaring.txt")).expect("a declaration");
    assert!(text.contains("hoofd DIV") && text.contains("2.3") && !text.contains("kamerbrief"), "{text}");
    let (code, found) = export(&stage, "after", &[]);
    assert_eq!(code, Some(0), "{found:#}");
    assert!(findings(&found).contains(&"DESTROYED".into()), "{found:#}");
    assert!(!findings(&found).contains(&"DESTRUCTION_UNDECLARED".into()), "{found:#}");
    assert!(
        !holds(&bytes_of(&stage.path("after")), "kamerbrief") && holds(&bytes_of(&stage.path("before")), "kamerbrief")
    );
    assert_eq!(stage.verify(&stage.path("before"), &[]).0, Some(0), "what was exported before still verifies");
    let mirror = stage.path("mirror");
    let mut copying = zegel_tests::command("zegel");
    copying.args(["mirror", "--ledger", &stage.url(), "--out"]).arg(&mirror).arg("--trust").arg(stage.trust());
    let copied = copying.arg("--tls-ca").arg(stage.keys().join("tls-ca.pem")).output().expect("it runs");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let audit = zegel_tests::command("zegel-verifier")
        .arg("audit")
        .arg(&mirror)
        .arg("--trust")
        .arg(stage.trust())
        .arg("--json")
        .output();
    let audit = String::from_utf8(audit.expect("it runs").stdout).expect("text");
    assert!(audit.contains("BODY_DESTROYED") && !audit.contains("BODY_MISSING"), "{audit}");
}

#[test]
fn content_that_only_claims_to_be_destroyed_is_an_error() {
    let stage = stage();
    let phone = readout("bram-ios-nl");
    let import = [
        "import",
        "whatsapp",
        phone.to_str().expect("a path"),
        "--custodian",
        "Carol",
        "--conversation",
        "Test export",
    ];
    stage.zegel(&[&import[..], &["--timezone", "Europe/Amsterdam"]].concat());
    let read = ["--json", "review", "read", "--conversation", "Test export", "--size", "5"];
    let place = json(&stage.zegel(&read))["messages"][3]["place"].as_str().expect("a place").to_owned();
    let bundle = stage.path("claims");
    let order = [
        "export",
        "--conversation",
        "Test export",
        "--recipient",
        "Inspectie",
        "--out",
        bundle.to_str().expect("a path"),
    ];
    stage.zegel(&[&order[..], &["--withhold", &format!("{place}=vernietigd")]].concat());
    let (_, found) = stage.verify(&bundle, &[]);
    assert!(findings(&found).contains(&"DESTRUCTION_UNDECLARED".into()), "{found:#}");
    assert!(!findings(&found).contains(&"DESTROYED".into()), "{found:#}");
    if let Some(other) = second_verifier(&bundle, &stage.trust()) {
        assert_eq!(other["findings"]["DESTRUCTION_UNDECLARED"], 1, "{other:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_says_when_nobody_else_looked_at_what_is_covered_though_policy_wants_it() {
    use zegel_proto::v1::{EventKind, PolicySet, Scope, StreamType};
    use zegel_tools::event::public;
    use zegel_tools::export::Cover;
    use zegel_tools::keys::Actor;
    use zegel_tools::reading::{Purpose, read};
    use zegel_tools::source::Source;
    let mut archive = zegel_tests::archive::Archive::new().await;
    let anna = archive.anna;
    archive.read_out(anna, "anna-android-nl").await;
    let scope = Scope { stream: StreamType::StreamCustodian as i32, id: anna.to_vec(), ..Scope::default() };
    let keys = archive.keys.archive_keys().expect("keys");
    let reading =
        read(archive.officer.source(), &keys, &[scope], &Purpose::reading("officer", "test")).await.expect("read");
    let messages = reading.messages();
    let message = messages.iter().find(|message| message.is_said()).expect("a message");
    let cover = || {
        let mut cover = Cover::default();
        cover.cover(&format!("{}:text:0-0", message.place), &["5.1.2e".into()]).expect("a place");
        cover
    };
    let (free, _) = archive.export(anna, "free", "", cover()).await;
    // The root sets the policy behind the officer's back: his tools do not know it yet, the bundle does.
    let mut root = Source::of_folder(&archive.keys, Actor::Root, &archive.url).await.expect("the root");
    let policy = PolicySet { name: "four_eyes".into(), value: "destruction, redaction".into() };
    root.append(vec![public(EventKind::PolicySet, &policy).expect("a policy")]).await.expect("set");
    let (bound, _) = archive.export(anna, "bound", "", cover()).await;
    for (bundle, wanted) in [(free, false), (bound, true)] {
        let (code, found) = zegel_tests::verify(&bundle, &archive.trust(), &[]);
        assert_eq!(code, Some(0), "{found:#}");
        assert_eq!(findings(&found).contains(&"MANIFEST_UNAPPROVED".into()), wanted, "{found:#}");
        if let Some(other) = second_verifier(&bundle, &archive.trust()) {
            assert_eq!(other["findings"]["MANIFEST_UNAPPROVED"].is_number(), wanted, "{other:#}");
        }
    }
}
