//! What an event costs the ledger, counted and not timed: a slower machine says the same.
//!
//! One test, alone in its process: the counters are those of the process. The table is in `specs/cost.md`.

mod maker;

use maker::*;
use tokio_stream::StreamExt;
use zegel_ledger::{Cost, cost};
use zegel_proto::v1::*;
use zegel_verifier::hash::compressions;

const BATCHES: u64 = 16;
const EVENTS: u64 = 256;
/// Ciphertext of a message of 16 words: some 400 bytes, padded, with its tag.
const CIPHERTEXT_BYTES: usize = 432;

fn counted() -> (u64, Cost) {
    (compressions().expect("tests count"), cost())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_costs_what_the_page_says() {
    let mut world = World::new().await;
    let requests: Vec<AppendRequest> = (0..BATCHES)
        .map(|number| {
            let mut events = world.source.messages(&world.capture, number * EVENTS, EVENTS, MONTH);
            events.iter_mut().for_each(|event| event.body.ciphertext.resize(CIPHERTEXT_BYTES, 7));
            world.source.batch(&events)
        })
        .collect();
    let came: usize = requests.iter().flat_map(|request| request.headers.iter().map(Vec::len)).sum::<usize>()
        + requests
            .iter()
            .flat_map(|request| &request.bodies)
            .map(|body| body.ciphertext.len() + body.wrap.len() + body.message_row.len())
            .sum::<usize>();
    let before = counted();
    let stream = world.ledger.client.append_stream(tokio_stream::iter(requests)).await.expect("a stream");
    let answers: Vec<_> = stream.into_inner().collect().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count() as u64, BATCHES);
    let appended = counted();
    // Whoever asks for a head waits for the projections, which nothing has asked for so far.
    let head = GetSourceHeadRequest { origin: ORIGIN.into(), source: world.source.actor.to_vec() };
    world.ledger.client.get_source_head(head).await.expect("a head");
    let projected = counted();
    let each = |count: u64| count as f64 / (BATCHES * EVENTS) as f64;
    let append = each(appended.0 - before.0);
    let projection = each(projected.0 - appended.0);
    println!("{append:.2} compressions an event at append, {projection:.2} in projections");
    assert!((16.9..18.0).contains(&append), "{append} compressions an event at append");
    assert!((5.9..6.5).contains(&projection), "{projection} compressions an event in projections");
    let appended_cost = appended.1 - before.1;
    println!("{appended_cost:?} for {BATCHES} batches, {} in projections", (projected.1 - appended.1).writes);
    // Two databases and the guard for each group, and a group has a batch or more.
    assert!(appended_cost.syncs <= 3 * BATCHES, "{appended_cost:?}");
    assert!(appended_cost.syncs >= 3, "{appended_cost:?}");
    assert_eq!(appended_cost.writes, appended_cost.syncs / 3 * 2, "nothing is written but groups: {appended_cost:?}");
    // An entry, its headers, 16 chunks of ciphertexts and of wraps, and a little for each group.
    assert!(each(appended_cost.rows) < 0.16, "{appended_cost:?}");
    let written = appended_cost.bytes as f64 / came as f64;
    println!("{written:.3} bytes written for each that came");
    assert!((1.0..1.06).contains(&written), "{written}");
    let projection = projected.1 - appended.1;
    assert_eq!((projection.writes, projection.syncs), (1, 0), "projections are one write, and wait for no disk");
    world.ledger.stop().await;
}
