//! What is covered, or withheld, is in no byte of the bundle and of what is made of it, wherever its event says it once more.

use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use zegel_tests::dossier::{CHAT, place_of, refused, run};
use zegel_tests::searched::{searched, that_hold};
use zegel_tests::{Stage, command};

const CASE: &str = "Woo 2026-17";
const RECIPIENT: &str = "Stichting Open Staat";
const DOCTOR: &str = "Huisarts scheiding Jansen";

/// A chat with every kind of echo, and one that is nobody's business.
fn read_out() -> Stage {
    let stage = zegel_tests::dossier::stage();
    stage.zegel(&["register", "conversation", "--title", DOCTOR, "--channel", "signal"]);
    let phone = stage.path("phone");
    std::fs::create_dir(&phone).expect("a folder");
    let chat = [
        "13-05-2026 09:00 - +31 6 12345678: goedemorgen allemaal",
        "13-05-2026 09:01 - Bram Bakker: Loonstrook Jan Jansen.pdf (bestand bijgevoegd)",
        "13-05-2026 09:02 - Daan Visser heeft Bob Zonderland toegevoegd",
        "13-05-2026 09:03 - Ca\u{200e}rla Vos: tot zo",
        "14-05-2026 10:00 - Bram Bakker: dit blijft te lezen",
    ];
    std::fs::write(phone.join("_chat.txt"), chat.join("\n") + "\n").expect("written");
    std::fs::write(phone.join("Loonstrook Jan Jansen.pdf"), "inhoud van de strook").expect("written");
    let file = phone.display().to_string();
    let of = ["import", "whatsapp", &file, "--custodian", "Carol", "--timezone", "Europe/Amsterdam"];
    stage.zegel(&[&of[..], &CHAT].concat());
    let line = |conversation: &str, more: Value| {
        let mut line = json!({ "kind": "MESSAGE_CREATED", "custodian": "Carol", "conversation": conversation, "channel": "SIGNAL",
            "proof_class": "C_EXPORT_FILE", "at": "2026-05-14T12:00:00Z", "detail": null, "attachments": null });
        line.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
        line
    };
    append(
        &stage,
        &[
            line(
                "Dossier",
                json!({ "kind": "MESSAGE_DELETED", "sender": "aci-0123", "display_name": "Els Zwart", "native_id": "aci-0123:1651",
                    "target": "seq:1", "detail": { "what": "deleted", "subject": "Els Zwart" }, "as_written": "{}", "text": null }),
            ),
            line(DOCTOR, json!({ "sender": "Carol", "text": "uitslag is binnen" })),
            line(DOCTOR, json!({ "sender": "Carol", "text": "bel terug" })),
        ],
    );
    stage
}

fn append(stage: &Stage, lines: &[Value]) {
    let mut zegel = command("zegel");
    zegel.arg("append").arg("--keys").arg(stage.keys()).args(["--ledger", &stage.url()]).stdin(Stdio::piped());
    let mut zegel = zegel.stdout(Stdio::null()).spawn().expect("it runs");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    zegel.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    assert!(zegel.wait().expect("it ends").success());
}

/// A plan as an officer's own tool would write it: what it covers, and nothing of what says that again.
fn plan(stage: &Stage, parts: &[(&str, &str, u32, u32)]) -> PathBuf {
    let hit = |(place, slot, first, count): &(&str, &str, u32, u32)| json!({ "place": place, "slot": slot, "first": first, "count": count, "grounds": ["5.1.2e"], "choice": "cover" });
    let plan = json!({ "version": "zegel-plan/1", "hits": parts.iter().map(hit).collect::<Vec<_>>() });
    let path = stage.path("plan.json");
    let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path);
    file.expect("a file").write_all(plan.to_string().as_bytes()).expect("written");
    path
}

/// Who sent the line that stands there.
fn timeline(stage: &Stage, bundle: &Path) -> Vec<Value> {
    let mut show = command("zegel-verifier");
    let output = show.arg("show").arg(bundle).arg("--trust").arg(stage.trust()).arg("--json").output().expect("shown");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
fn covered_words_stand_in_no_byte_of_what_leaves_wherever_their_event_says_them_again() {
    let stage = read_out();
    let place = |words: &str| place_of(&stage, words);
    let (number, slip, vos) =
        (place("goedemorgen allemaal"), place("Loonstrook Jan Jansen.pdf (bestand bijgevoegd)"), place("tot zo"));
    let added = place("Daan Visser heeft Bob Zonderland toegevoegd");
    let whole = stage.path("geheel").display().to_string();
    stage.zegel(&["export", "--custodian", "Carol", "--recipient", RECIPIENT, "--out", &whole]);
    let lines = timeline(&stage, Path::new(&whole));
    let of = |is: &dyn Fn(&Value) -> bool| {
        let line = lines.iter().find(|line| is(line)).unwrap_or_else(|| panic!("{lines:#?}"));
        format!("{}:{}", line["entry"], line["position"])
    };
    let deleted = of(&|line| line["kind"] == "MESSAGE_DELETED");
    let doctor = [of(&|line| line["text"] == "uitslag is binnen"), of(&|line| line["text"] == "bel terug")];

    // The bare command covers what it is told, so it refuses, and names what stays open.
    let half = stage.path("half").display().to_string();
    for (cover, parts) in [
        (format!("{slip}:text:2"), "attachments:0"),
        (format!("{added}:text:3"), "detail"),
        (format!("{vos}:display_name"), "as_written"),
        (format!("{number}:display_name"), "sender, as_written"),
        (format!("{deleted}:display_name"), "detail, as_written"),
        (format!("{deleted}:sender"), "native_id, detail, as_written"),
    ] {
        let order = ["export", "--custodian", "Carol", "--recipient", RECIPIENT, "--ground", "5.1.2e", "--out", &half];
        let said = refused(&stage, &[&order[..], &["--cover", &cover]].concat());
        assert!(said.contains(&format!("what is covered stands in {parts} too")), "{cover}: {said}");
    }

    // The log knows what was tried. Approved all the same, it is not carried out for good: these words would still be there.
    run(&stage, &["policy", "permanent_redaction", "on"]);
    let waiting = run(&stage, &["approve"])["waiting"].as_array().expect("manifests").clone();
    let tried = waiting.first().and_then(Value::as_str).expect("a manifest");
    run(&stage, &["approve", tried, "--person", "hoofd DIV"]);
    let order = ["redact", "permanent", "order", tried, "--out", &half];
    let said = refused(&stage, &[&order[..], &CHAT].concat());
    assert!(said.contains("what is covered stands in") && !Path::new(&half).exists(), "{said}");

    // A plan is widened, and says so; the officer types nothing of it.
    let parts = [
        (slip.as_str(), "text", 2, 1),
        (added.as_str(), "text", 3, 2),
        (vos.as_str(), "display_name", 0, 0),
        (number.as_str(), "sender", 0, 0),
        (deleted.as_str(), "display_name", 0, 0),
        (deleted.as_str(), "sender", 0, 0),
        (doctor[0].as_str(), "event", 0, 0),
        (doctor[1].as_str(), "event", 0, 0),
    ];
    let plan = plan(&stage, &parts).display().to_string();
    let proposed = run(&stage, &["redact", "propose", &plan, "--decision", "besluit 1"]);
    let again: Vec<String> = proposed["again"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|one| format!("{}:{}", one["place"].as_str().expect("a place"), one["part"].as_str().expect("a part")))
        .collect();
    let wanted = [
        format!("{slip}:attachments:0"),
        format!("{added}:detail"),
        format!("{vos}:as_written"),
        format!("{number}:display_name"),
        format!("{number}:as_written"),
        format!("{deleted}:native_id"),
        format!("{deleted}:detail"),
        format!("{deleted}:as_written"),
    ];
    for part in &wanted {
        assert!(again.contains(part), "{part} in {again:?}");
    }
    assert_eq!(again.len(), wanted.len(), "{again:?}");

    let manifest = proposed["manifest"].as_str().expect("an id");
    let bundle = stage.path("gelakt");
    let to = bundle.display().to_string();
    let about = ["--regime", "woo", "--requester", "een journalist", "--matter", "de kade", "--custodian", "Carol"];
    stage.zegel(&[&["case", "open", CASE], &about[..]].concat());
    let order = [
        "export",
        "--custodian",
        "Carol",
        "--recipient",
        RECIPIENT,
        "--case",
        CASE,
        "--manifest",
        manifest,
        "--out",
        &to,
    ];
    let made = run(&stage, &order);
    assert_eq!(made["kept_closed"], 1, "every message of it is withheld: {made:#}");
    let (code, report) = stage.verify(&bundle, &[]);
    assert_eq!(code, Some(0), "{report:#}");
    stage.zegel(&["case", "note", CASE, "--about", "zoekslag", "--text", "alle chats"]);
    stage.zegel(&["case", "note", CASE, "--about", "besluit", "--text", "deels openbaar", "--decision", "besluit 1"]);
    stage.zegel(&["case", "approve", CASE, "--export", made["export"].as_str().expect("an id")]);
    let mut folders = vec![bundle.clone()];
    for form in ["documents", "sip", "rsmf", "counts"] {
        let out = stage.path(form);
        let to = out.display().to_string();
        let disclose = ["disclose", bundle.to_str().expect("a path"), "--case", CASE, "--recipient", RECIPIENT];
        stage.zegel(&[&disclose[..], &["--form", form, "--out", &to]].concat());
        folders.push(out);
    }
    let page = stage.path("page");
    std::fs::create_dir(&page).expect("a folder");
    let mut report = command("zegel-verifier");
    report.arg("report").arg(&bundle).arg("--trust").arg(stage.trust()).arg("--out").arg(page.join("report.html"));
    assert_eq!(report.status().expect("it runs").code(), Some(0));
    folders.push(page);
    let shown = timeline(&stage, &bundle).iter().map(Value::to_string).collect::<String>();

    for folder in &folders {
        let files = searched(folder);
        let is_counts = folder.ends_with("counts");
        assert_eq!(
            that_hold(&files, "blijft").is_empty(),
            is_counts,
            "{}: the search finds what is open",
            folder.display()
        );
        for word in [
            "Jansen",
            "Zonderland",
            "Carla",
            "rla Vos",
            "12345678",
            "Zwart",
            "aci-0123",
            "inhoud van de strook",
            "Huisarts",
            "scheiding",
            "uitslag",
        ] {
            assert_eq!(that_hold(&files, word), Vec::<PathBuf>::new(), "{word} in {}", folder.display());
            assert!(!shown.contains(word), "{word}: {shown}");
        }
    }
}

#[test]
fn names_of_other_ids_stay_closed_where_the_order_says_so_and_no_manifest_covers_them() {
    let stage = Stage::new();
    let account = ["--account", "signal:+31699999999:business"];
    let carol = run(&stage, &[&["register", "custodian", "--name", "Carol"], &account[..]].concat());
    stage.zegel(&["register", "custodian", "--name", "Dirk"]);
    stage.zegel(&["register", "conversation", "--title", "Dossier", "--channel", "signal"]);
    let line = json!({ "kind": "MESSAGE_CREATED", "custodian": "Carol", "conversation": "Dossier", "channel": "SIGNAL",
        "proof_class": "B_GATEWAY", "at": "2026-05-14T12:00:00Z", "sender": "x", "text": "ja hoor" });
    append(&stage, &[line]);
    let out = |name: &str| stage.path(name).display().to_string();
    let (open, shut, never) = (out("open"), out("shut"), out("never"));
    let order = |out: &str, more: [&str; 2]| {
        let order = ["export", "--recipient", RECIPIENT, "--out", out];
        [&order[..], &CHAT, &more].concat().iter().map(|&word| word.to_owned()).collect::<Vec<String>>()
    };
    fn words(order: &[String]) -> Vec<&str> {
        order.iter().map(String::as_str).collect()
    }
    stage.zegel(&words(&order(&open, ["--case", "1"])));
    assert_eq!(run(&stage, &words(&order(&shut, ["--close", "Carol"])))["kept_closed"], 1);
    for name in ["Carol", "31699999999"] {
        assert!(!that_hold(&searched(Path::new(&open)), name).is_empty(), "{name}");
        assert_eq!(that_hold(&searched(Path::new(&shut)), name), Vec::<PathBuf>::new(), "{name}");
    }
    let (code, report) = stage.verify(Path::new(&shut), &[]);
    assert_eq!(code, Some(0), "{report:#}");
    let said = refused(&stage, &words(&order(&never, ["--close", "Dirk"])));
    assert!(said.contains("no event of the scope names it"), "{said}");
    let place = format!("{}:0=5.1.2e", carol["registered"]["entry"]);
    let said = refused(&stage, &words(&order(&never, ["--withhold", &place])));
    assert!(said.contains("registers another id than the scope's"), "{said}");
    assert!(!Path::new(&never).exists());

    // What lies beyond the edges of a period is withheld, and so is the title that it alone names.
    stage.zegel(&["register", "conversation", "--title", "Kapsalon", "--channel", "signal"]);
    let line = json!({ "kind": "MESSAGE_CREATED", "custodian": "Carol", "conversation": "Kapsalon", "channel": "SIGNAL",
        "proof_class": "B_GATEWAY", "at": "2026-04-03T12:00:00Z", "sender": "x", "text": "knippen" });
    append(&stage, &[line]);
    let edges = out("edges");
    let period = ["--from", "202605", "--to", "202605", "--edges", "24", "--out", &edges];
    let made = run(&stage, &[&["export", "--recipient", RECIPIENT, "--custodian", "Carol"], &period[..]].concat());
    assert_eq!((&made["kept_closed"], &made["withheld"]), (&1.into(), &1.into()), "{made:#}");
    let files = searched(Path::new(&edges));
    assert!(that_hold(&files, "Kapsalon").is_empty() && !that_hold(&files, "Dossier").is_empty());
}
