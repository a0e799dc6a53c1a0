//! The second pair of eyes, where the first goes on writing: what comes under an id after it was approved is neither exported, ordered nor covered for good, and at the
//! desk nobody approves what changed since he looked.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use zegel_proto::print;
use zegel_proto::v1::{EventKind, RedactionItem, RedactionSubject, SelectionSubject};
use zegel_tests::Stage;
use zegel_tests::dossier::{CHAT, place_of, read_out, refused, run, stage};
use zegel_tools::event::RecordsAct;
use zegel_tools::hex;
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::source::Source;

const LIST: &str = "BZK chat/2026-1\n2.3;V;1;month;Ambtelijke top\n";
const LINES: [&str; 2] =
    ["13-02-2026 09:00 - Anna: op termijn vernietigd", "13-02-2026 09:01 - Bram: bel dokter Zevenaar over de kade"];

/// Logs an act in an actor's name, as no command does.
async fn log(keys: &Path, url: &str, actor: Actor, act: RecordsAct) {
    let keys = KeyFolder::open(keys).expect("keys");
    let mut source = Source::of_folder(&keys, actor, url).await.expect("a source");
    source.append(vec![act.draft(1).expect("an act")]).await.expect("logged");
}

fn id_of(text: &str) -> Vec<u8> {
    hex::parse(text).expect("an id").to_vec()
}

fn item(place: &str, slot: u32) -> RedactionItem {
    let (entry, position) = place.split_once(':').expect("a place");
    let (entry, position) = (entry.parse().expect("an entry"), position.parse().expect("a position"));
    RedactionItem { entry, position, slot, grounds: vec!["5.1.2e".into()], ..Default::default() }
}

/// One part more of a proposal.
fn more_to_end(proposal: &str, place: &str) -> RecordsAct {
    let subject =
        SelectionSubject { act: id_of(proposal), code: "2.3".into(), test: "vernietigd".into(), ..Default::default() };
    let subject = print(&subject).expect("a subject");
    RecordsAct { items: vec![item(place, 0)], ..RecordsAct::new(EventKind::DestructionProposed, subject) }
}

/// Another manifest under the id of one.
fn more_to_cover(manifest: &str, place: &str) -> RecordsAct {
    let subject = RedactionSubject { manifest: id_of(manifest), part: 0, parts: 1, decision: "besluit 9".into() };
    let subject = print(&subject).expect("a subject");
    RecordsAct { items: vec![item(place, 1)], ..RecordsAct::new(EventKind::RedactionManifest, subject) }
}

/// A ministry that read out two messages: their places.
fn begun() -> (Stage, [String; 2]) {
    let stage = stage();
    assert_eq!(read_out(&stage, "chat.txt", &LINES)["counts"]["new"], 2);
    let places = ["op termijn vernietigd", "bel dokter Zevenaar over de kade"].map(|words| place_of(&stage, words));
    run(&stage, &["policy", "selection_list", LIST]);
    places.iter().for_each(|place| _ = run(&stage, &["retain", "--category", "2.3", "--event", place]));
    (stage, places)
}

fn proposed(stage: &Stage, place: &str) -> String {
    let how = ["destroy", "propose", "--end", "vernietigd", "--event", place, "--decision", "besluit 4"];
    run(stage, &[&how[..], &CHAT].concat())["proposal"].as_str().expect("an id").into()
}

fn manifest(stage: &Stage, plan: &str) -> String {
    let plan = stage.path(plan).display().to_string();
    let find = ["redact", "plan", "--words", "dokter Zevenaar", "--ground", "5.1.2e", "--out", &plan];
    run(stage, &[&find[..], &CHAT].concat());
    let confirmed = zegel_tests::command("zegel").args(["redact", "confirm", &plan]).status().expect("it runs");
    assert!(confirmed.success());
    run(stage, &["redact", "propose", &plan, "--decision", "besluit 9"])["manifest"].as_str().expect("an id").into()
}

fn waiting(stage: &Stage) -> Value {
    run(stage, &["approve"])["waiting"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_under_an_id_after_it_was_approved_waits_for_another_approval() {
    let (stage, [first, second]) = begun();
    let (keys, url) = (stage.keys(), stage.url());
    let out = |name: &str| stage.path(name).display().to_string();

    // A proposal to destroy.
    let proposal = proposed(&stage, &first);
    run(&stage, &["approve", &proposal, "--person", "hoofd DIV"]);
    assert_eq!(waiting(&stage), json!([]));
    log(&keys, &url, Actor::Officer, more_to_end(&proposal, &second)).await;
    let early = out("early.txt");
    let ordering = ["destroy", "order", &proposal, "--out", &early];
    assert!(refused(&stage, &ordering).contains("with all that it lists now"));
    assert_eq!(waiting(&stage), json!([proposal]));
    run(&stage, &["approve", &proposal, "--person", "hoofd DIV"]);
    assert_eq!(run(&stage, &ordering)["events"], 2);

    // A manifest: exported, and covered for good.
    run(&stage, &["policy", "four_eyes", "redaction"]);
    run(&stage, &["policy", "permanent_redaction", "on"]);
    let covered = manifest(&stage, "plan.json");
    let order = out("order.txt");
    let ordering = [&["redact", "permanent", "order", &covered, "--out", &order], &CHAT[..]].concat();
    let bundle = out("bundle");
    let export = ["export", "--recipient", "Verzoeker", "--manifest", &covered, "--out", &bundle];
    let export = [&export[..], &CHAT].concat();
    // An approval that names the id alone, as that of an export is, approves nothing of it.
    for code in ["", "verstrekking"] {
        let subject = SelectionSubject { refers_to: id_of(&covered), code: code.into(), ..Default::default() };
        let subject = print(&subject).expect("a subject");
        log(&keys, &url, Actor::Approver, RecordsAct::new(EventKind::RedactionApproved, subject)).await;
        assert!(refused(&stage, &export).contains("nobody approved what is covered as it stands now"));
        assert!(refused(&stage, &ordering).contains("nobody but its proposer approved manifest"));
    }
    run(&stage, &["approve", &covered, "--person", "hoofd DIV"]);
    run(&stage, &ordering);
    log(&keys, &url, Actor::Officer, more_to_cover(&covered, &first)).await;
    assert_eq!(waiting(&stage), json!([covered]));
    assert!(refused(&stage, &export).contains("nobody approved what is covered as it stands now"));
    let again = out("again.txt");
    let ordering = [&["redact", "permanent", "order", &covered, "--out", &again], &CHAT[..]].concat();
    assert!(refused(&stage, &ordering).contains("no whole redaction manifest"));
}

struct Desk(Child);

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A desk without a browser: address and cookie.
fn desk(stage: &Stage) -> (Desk, String, String) {
    let mut desk = zegel_tests::command("zegel");
    desk.args(["desk", "--listen", "127.0.0.1:0", "--ledger", &stage.url(), "--keys"]).arg(stage.keys());
    let mut desk = desk.arg("--out").arg(stage.path("gemaakt")).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(desk.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let url = line.trim().trim_start_matches("open http://");
    let (address, token) = url.split_once('/').expect("a path");
    let answer = sent(address, &format!("GET /{token} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"));
    let cookie = answer.split("set-cookie: ").nth(1).and_then(|rest| rest.split(';').next()).expect("a cookie");
    (Desk(desk), address.into(), cookie.into())
}

fn sent(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(request.as_bytes()).expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

fn copied(from: &Path, to: PathBuf) -> PathBuf {
    std::fs::create_dir_all(&to).expect("made");
    for one in std::fs::read_dir(from).expect("a folder").map(|one| one.expect("one").path()) {
        let target = to.join(one.file_name().expect("a name"));
        if one.is_dir() {
            copied(&one, target);
        } else {
            std::fs::copy(&one, &target).expect("copied");
        }
    }
    to
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_desk_nobody_approves_what_has_changed_since_he_looked() {
    let (stage, [first, second]) = begun();
    let (proposal, covered) = (proposed(&stage, &first), manifest(&stage, "plan.json"));
    // Whoever has the officer's key writes from elsewhere, while the desk is open.
    let elsewhere = copied(&stage.keys(), stage.path("elders"));
    let (_desk, address, cookie) = desk(&stage);
    let ask = |name: &str, id: &str| {
        let asked = json!({ "id": id, "person": "hoofd DIV" }).to_string();
        let length = asked.len();
        let head =
            format!("POST /api/{name} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookie}\r\n");
        let answer = sent(&address, &format!("{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{asked}"));
        answer.split_once("\r\n\r\n").expect("a body").1.to_owned()
    };
    for (id, late) in [(&proposal, more_to_end(&proposal, &second)), (&covered, more_to_cover(&covered, &first))] {
        assert!(ask("approve", id).contains("Bekijk eerst, onder uw eigen naam"));
        assert!(ask("look", id).contains("messages"));
        log(&elsewhere, &stage.url(), Actor::Officer, late).await;
        let said = ask("approve", id);
        assert!(said.contains("veranderd sinds u het bekeek"), "{said}");
        let shown: Value = serde_json::from_str(&ask("look", id)).expect("JSON");
        assert_eq!(shown["messages"].as_array().map(Vec::len), Some(2), "both parts are shown: {shown:#}");
        let said = ask("approve", id);
        assert!(said.contains("approved"), "{said}");
    }
}
