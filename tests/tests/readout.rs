//! Two phones of one group, and one of them again a month later, into a real ledger.

use zegel_tests::archive::Archive;

#[tokio::test(flavor = "multi_thread")]
async fn reading_out_again_adds_only_what_is_new() {
    let mut archive = Archive::new().await;
    let anna = archive.anna;
    let may = archive.read_out(anna, "anna-android-nl").await;
    assert_eq!((may.counts.new, may.counts.known), (may.records, 0));
    let again = archive.read_out(anna, "anna-android-nl").await;
    assert_eq!((again.counts.new, again.counts.known, again.counts.vanished), (0, may.records, 0));
    let june = archive.read_out(anna, "anna-android-nl-june").await;
    assert_eq!((june.counts.new, june.counts.deleted, june.counts.vanished), (4, 1, 1), "{june:?}");
    assert!(june.counts.edited >= 1 && june.counts.known_otherwise >= 1, "{june:?}");
    let counts = archive.read_out(anna, "anna-android-nl-june").await.counts;
    assert_eq!((counts.new, counts.edited, counts.deleted, counts.vanished), (0, 0, 0, 0), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_holders_are_two_captures_of_one_conversation() {
    let mut archive = Archive::new().await;
    let (one, other) = (archive.anna, archive.bram);
    let anna = archive.read_out(one, "anna-android-nl").await;
    let bram = archive.read_out(other, "bram-ios-nl").await;
    assert_eq!((anna.counts.new, bram.counts.new), (anna.records, bram.records));
    let known = archive.source.known(other, archive.veerhaven).await.expect("known");
    // Every record and the manifest of the file.
    assert_eq!(known.next_conversation_seq, bram.records + 1);
}
