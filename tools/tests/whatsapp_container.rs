//! Which name in a folder is the chat, and which file is which attachment.

mod whatsapp_common;

use whatsapp_common::{ANNA, fixture, records};
use zegel_tools::whatsapp::FILE_BYTES_MAX;
use zegel_tools::whatsapp::container::*;

fn entries(names: &[&str]) -> Vec<Entry> {
    names.iter().map(|name| Entry { name: (*name).into(), size: 1 }).collect()
}

fn title(text: &str, certain: bool) -> Option<Title> {
    Some(Title { text: text.into(), certain })
}

#[test]
fn finds_the_chat_by_every_name_it_comes_under() {
    for (name, wanted) in [
        ("_chat.txt", None),
        ("map/_chat.txt", None),
        ("WhatsApp-chat met Dossier Veerhaven.txt", title("Dossier Veerhaven", true)),
        ("WhatsApp Chat with A_B.txt", title("A_B", true)),
        ("WhatsApp_Chat_with_A_B.txt", title("A B", false)),
    ] {
        let found = find_chat(&entries(&["foto.jpg", name, "__MACOSX/_chat.txt", "map/", "notitie.txt"]));
        assert_eq!(found, Ok(Arrival::Chat { index: 1, title: wanted }), "{name}");
    }
    assert_eq!(title_in("WhatsApp Chat - Dossier.zip.zip"), title("Dossier", true));
    assert_eq!(title_in("Dossier.zip"), None);
    assert_eq!(title_in("WhatsApp Chat with .txt"), None);
}

#[test]
fn opens_an_archive_in_an_archive_only_when_there_is_no_chat_beside_it() {
    assert_eq!(find_chat(&entries(&["a.zip"])), Ok(Arrival::Nested { index: 0 }));
    assert_eq!(find_chat(&entries(&["a.zip", "_chat.txt"])), Ok(Arrival::Chat { index: 1, title: None }));
}

#[test]
fn refuses_none_two_and_too_large() {
    let no_chat = |names: &[&str]| {
        Err(ContainerError::NoChat { of: names.len(), names: names.iter().map(|name| (*name).into()).collect() })
    };
    assert_eq!(find_chat(&entries(&["chat.txt", "foto.jpg"])), no_chat(&["chat.txt", "foto.jpg"]));
    assert_eq!(find_chat(&entries(&["a.zip", "b.zip"])), no_chat(&["a.zip", "b.zip"]));
    assert_eq!(find_chat(&[]), no_chat(&[]));
    let two = ["_chat.txt", "WhatsApp Chat with A.txt"];
    let names = two.iter().map(|name| (*name).into()).collect();
    assert_eq!(find_chat(&entries(&two)), Err(ContainerError::ManyChats { of: 2, names }));
    let max = FILE_BYTES_MAX as u64;
    let sized = |size| find_chat(&[Entry { name: "_chat.txt".into(), size }]);
    assert_eq!(sized(max), Ok(Arrival::Chat { index: 0, title: None }));
    let name = "_chat.txt".to_owned();
    assert_eq!(sized(max + 1), Err(ContainerError::ChatTooLarge { name, got: max + 1, max }));
    let many = vec![Entry { name: "x".into(), size: 0 }; ENTRIES_MAX + 1];
    assert_eq!(find_chat(&many), Err(ContainerError::TooManyEntries { got: ENTRIES_MAX + 1, max: ENTRIES_MAX }));
}

#[test]
fn a_document_without_extension_is_found_and_its_twin_is_not_taken_for_it() {
    let records = records(fixture(ANNA));
    let names = [
        "m/IMG-20260504-WA0001.png",
        "m/_chat.txt",
        "m/DOC-20260504-WA0002",
        "m/DOC-20260504-WA0002.pdf",
        "IMG-20260504-WA0009.jpg",
    ];
    let files = match_files(&records, &entries(&names), 1);
    let found: Vec<_> = files.found.iter().map(|found| (found.entry, found.by)).collect();
    assert_eq!(found, [(0, NameMatch::Exact), (2, NameMatch::WithoutFinalStop)]);
    // The third name in the text is in another folder, so it is not this chat's.
    assert_eq!(files.missing.len(), 1);
    assert_eq!(files.unclaimed, [3, 4]);
}

#[test]
fn a_name_with_a_folder_in_it_is_never_followed() {
    let text = "30-04-2026 09:00 - A: \u{200e}../x.jpg (bestand bijgevoegd)\n";
    let files = match_files(&records(text), &entries(&["m/_chat.txt", "x.jpg", "m/../x.jpg"]), 0);
    assert_eq!((files.found, files.missing), (vec![], vec![(0, 0)]));
}
