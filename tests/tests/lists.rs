//! Lists are versioned data of the log: a log that began with an older list of grounds gets the newer one, and nothing is lost on the way.

use serde_json::json;
use zegel_proto::v1::{EventKind, GroundsListPublished};
use zegel_tests::dossier::{CHAT, findings, place_of, read_out, refused, run, stage};
use zegel_tools::event::public;
use zegel_tools::keys::{Actor, KeyFolder};
use zegel_tools::officer::grounds_list;
use zegel_tools::source::Source;

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_began_with_an_older_list_of_grounds_gets_the_new_markings_and_keeps_its_own() {
    let stage = stage();
    assert_eq!(read_out(&stage, "chat.txt", &["13-05-2026 09:00 - Anna: bel de dokter"])["counts"]["new"], 1);
    let place = place_of(&stage, "bel de dokter");
    // As it was published before the fourth end and permanent redaction, with a ground of the ministry's own.
    let mut items = grounds_list().items;
    items.retain(|item| !["overgebracht", "blijvend_gelakt"].contains(&item.code.as_str()));
    items.push(zegel_proto::v1::ListItem { code: "wpe.1".into(), label_nl: "Enquete".into(), ..Default::default() });
    let old = GroundsListPublished { version: "gronden/1".into(), items };
    let folder = KeyFolder::open(&stage.keys()).expect("keys");
    let mut officer = Source::of_folder(&folder, Actor::Officer, &stage.url()).await.expect("an officer");
    officer.append(vec![public(EventKind::GroundsListPublished, &old).expect("a list")]).await.expect("logged");
    drop(officer);

    let out = |name: &str| stage.path(name).display().to_string();
    let cover = format!("{place}:text=5.1.2e,blijvend_gelakt");
    let export = |name: &str| {
        let out = out(name);
        let order = ["export", "--recipient", "Inspectie", "--cover", &cover, "--out", &out];
        let order: Vec<String> = [&order[..], &CHAT].concat().into_iter().map(String::from).collect();
        order
    };
    let before = export("before");
    let output = stage.try_zegel(&before.iter().map(String::as_str).collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("blijvend_gelakt"), "{said}");

    // The list of the program would lose the ministry's own ground, and says so; so would a list without a marking.
    let said = refused(&stage, &["grounds", "publish"]);
    assert!(said.contains("lacks wpe.1, which the list in force has"), "{said}");
    let shown = run(&stage, &["grounds", "show"]);
    assert_eq!(shown["version"], "gronden/1");
    let mut grounds = shown["grounds"].as_array().expect("a list").clone();
    let file = out("grounds.json");
    let publish = |grounds: &[serde_json::Value], version: &str| {
        std::fs::write(&file, json!({ "version": version, "grounds": grounds }).to_string()).expect("written");
    };
    publish(&grounds, "gronden/3");
    let said = refused(&stage, &["grounds", "publish", &file]);
    assert!(said.contains("lacks overgebracht, blijvend_gelakt, which zegel writes by itself"), "{said}");
    grounds.push(json!({ "code": "overgebracht", "nl": "Overgebracht" }));
    grounds.push(json!({ "code": "blijvend_gelakt", "nl": "Blijvend gelakt" }));
    publish(&grounds, "gronden/1");
    assert!(refused(&stage, &["grounds", "publish", &file]).contains("has a name of its own"));
    let twice = [grounds.clone(), vec![json!({ "code": "wpe.1", "nl": "Nog eens" })]].concat();
    publish(&twice, "gronden/3");
    assert!(refused(&stage, &["grounds", "publish", &file]).contains("\"wpe.1\" of the list stands twice"));
    let other = [grounds.clone(), vec![json!({ "code": "5.1.2.e", "nl": "In een andere vorm" })]].concat();
    publish(&other, "gronden/3");
    assert!(refused(&stage, &["grounds", "publish", &file]).contains("is not in its one form"));
    publish(&grounds, "gronden/3");
    run(&stage, &["grounds", "publish", &file]);
    assert_eq!(run(&stage, &["grounds", "show"])["grounds"].as_array().map(Vec::len), Some(grounds.len()));

    let after = export("after");
    stage.zegel(&after.iter().map(String::as_str).collect::<Vec<_>>());
    let (_, found) = stage.verify(&stage.path("after"), &[]);
    assert!(!findings(&found).contains(&"GROUND_UNKNOWN"), "{found:#}");
    assert!(findings(&found).contains(&"REDACTION_UNDECLARED"), "called so, and not declared: {found:#}");
    // What is meant to go is named.
    run(&stage, &["grounds", "publish", "--drop", "wpe.1"]);
    assert_eq!(run(&stage, &["grounds", "show"])["version"], "gronden/2");
}
