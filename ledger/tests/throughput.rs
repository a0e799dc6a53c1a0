//! A figure to stand beside a change, on request: `cargo test --workspace --test throughput -- --ignored --nocapture`.

mod maker;

use maker::*;
use std::time::Instant;
use tokio_stream::StreamExt;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; says nothing about right and wrong"]
async fn events_a_second_over_one_stream() {
    let mut world = World::new().await;
    let requests: Vec<_> = (0..400)
        .map(|number| {
            let events = world.source.messages(&world.capture, number * 256, 256, MONTH);
            world.source.batch(&events)
        })
        .collect();
    let begin = Instant::now();
    let stream = world.ledger.client.append_stream(tokio_stream::iter(requests)).await.expect("a stream");
    let answers: Vec<_> = stream.into_inner().collect().await;
    let seconds = begin.elapsed().as_secs_f64();
    assert!(answers.iter().all(|answer| answer.is_ok()));
    println!("{:.0} events a second, durable and with receipts", 400.0 * 256.0 / seconds);
    world.ledger.stop().await;
}
