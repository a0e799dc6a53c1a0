//! Nothing that runs in the ledger's process ever holds a message in the clear, and nothing that it leaves behind does.

use std::fs;
use zegel_tests::memory::{encodings, files_that_hold, process_holds};
use zegel_tests::{ORIGIN, Stage};

const WORD: &str = "kanariepietje-6f1d9c";
const NAME: &str = "Wilhelmina-van-Kanarienoord";

#[test]
fn no_message_and_no_name_stands_in_the_ledgers_store_log_or_memory() {
    let stage = Stage::new();
    stage.zegel(&["register", "custodian", "--name", NAME, "--account", "whatsapp:+31600000000:business"]);
    stage.zegel(&["register", "conversation", "--title", "Overleg kanaries", "--channel", "whatsapp"]);
    let chat = stage.path("_chat.txt");
    fs::write(&chat, format!("[31-05-2022 16:08:13] {NAME}: het woord is {WORD}\n")).expect("a chat");
    let chat = chat.display().to_string();
    stage.zegel(&[
        "import",
        "whatsapp",
        &chat,
        "--custodian",
        NAME,
        "--conversation",
        "Overleg kanaries",
        "--timezone",
        "Europe/Amsterdam",
    ]);

    // First that the search finds what is there: the origin is no secret.
    assert!(process_holds(stage.ledger_pid(), &encodings(ORIGIN)));
    for secret in [WORD, NAME, "Overleg kanaries"] {
        let secret = encodings(secret);
        assert!(!process_holds(stage.ledger_pid(), &secret), "the ledger's memory holds a message or a name");
        assert_eq!(files_that_hold(&stage.keys().join("store"), &secret), Vec::<String>::new());
        assert!(!secret.iter().any(|bytes| stage.log().as_bytes().windows(bytes.len()).any(|part| part == bytes)));
    }
}
