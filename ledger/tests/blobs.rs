//! Ciphertexts of attachments: put in pieces, resumed, refused, read back.

mod maker;

use maker::*;
use tokio_stream::StreamExt;
use tonic::{Code, Status};
use zegel_proto::v1::*;
use zegel_verifier::hash::sha256;

fn pieces(blob: &[u8], from: usize, to: usize) -> Vec<PutBlobRequest> {
    let first = PutBlobRequest {
        origin: ORIGIN.into(),
        sha256: sha256(&[blob]).to_vec(),
        size: blob.len() as u64,
        ..PutBlobRequest::default()
    };
    let mut offset = from as u64;
    let mut all = vec![PutBlobRequest { offset, ..first }];
    for data in blob[from..to].chunks(50_000) {
        all.push(PutBlobRequest { offset, data: data.to_vec(), ..PutBlobRequest::default() });
        offset += data.len() as u64;
    }
    all
}

async fn put(ledger: &mut Running, pieces: Vec<PutBlobRequest>) -> Result<(u64, bool), Status> {
    let stat = ledger.client.put_blob(tokio_stream::iter(pieces)).await?.into_inner();
    Ok((stat.offset, stat.complete))
}

async fn stat(ledger: &mut Running, blob: &[u8]) -> (u64, bool) {
    let request = BlobStatRequest { origin: ORIGIN.into(), sha256: sha256(&[blob]).to_vec() };
    let stat = ledger.client.blob_stat(request).await.expect("a stat").into_inner();
    (stat.offset, stat.complete)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_goes_on_where_it_stopped_and_then_a_batch_may_name_it() {
    let mut world = World::new().await;
    let blob: Vec<u8> = (0..40_000u32).flat_map(u32::to_be_bytes).collect();
    assert_eq!(stat(&mut world.ledger, &blob).await, (0, false));
    assert_eq!(put(&mut world.ledger, pieces(&blob, 0, 70_000)).await.expect("a part"), (70_000, false));
    let mut events = world.source.messages(&world.capture, 0, 1, MONTH);
    events[0].header.blobs = vec![sha256(&[&blob]).to_vec()];
    let request = world.source.try_batch(&events);
    world.ledger.refused(request.clone(), Code::FailedPrecondition, "has not been stored").await;
    world.ledger.stop().await;
    world.ledger = world.place.start().await;
    assert_eq!(stat(&mut world.ledger, &blob).await, (70_000, false));
    assert_eq!(put(&mut world.ledger, pieces(&blob, 70_000, 160_000)).await.expect("the rest"), (160_000, true));
    assert_eq!(stat(&mut world.ledger, &blob).await, (160_000, true));
    assert_eq!(put(&mut world.ledger, pieces(&blob, 0, 10)).await.expect("it is there"), (160_000, true));
    world.ledger.append(request).await.expect("taken");
    let request = GetBlobRequest { origin: ORIGIN.into(), sha256: sha256(&[&blob]).to_vec() };
    let chunks = world.ledger.client.get_blob(request).await.expect("a blob").into_inner();
    let found: Vec<_> = chunks.map(|chunk| chunk.expect("a chunk").data).collect::<Vec<_>>().await.concat();
    assert_eq!(found, blob);
    world.ledger.stop().await;
    assert_eq!(zegel_ledger::check(&world.place.config()).expect("a report").findings, []);
    let name = sha256(&[&blob]).to_string();
    let path = world.place.store().join("blobs").join(&name[..2]).join(&name);
    std::fs::write(path, &blob[1..]).expect("written");
    let report = zegel_ledger::check(&world.place.config()).expect("a report");
    assert_eq!(report.findings.iter().map(|finding| finding.id).collect::<Vec<_>>(), ["blob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_pieces_out_of_place_and_bytes_with_another_hash() {
    let mut world = World::new().await;
    let blob = vec![7; 1_000];
    let ledger = &mut world.ledger;
    let status = put(ledger, pieces(&blob, 10, 1_000)).await.expect_err("a hole");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "the piece begins at 10, the blob goes on at 0");
    let mut other = pieces(&blob, 0, 1_000);
    other[1].data[999] ^= 1;
    let status = put(ledger, other).await.expect_err("another hash");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(stat(ledger, &blob).await, (0, false));
    let mut long = pieces(&blob, 0, 1_000);
    long[1].data.push(7);
    let status = put(ledger, long).await.expect_err("a byte too many");
    assert_eq!(status.message(), "the pieces reach byte 1001, the blob was said to have 1000");
    let mut large = pieces(&blob, 0, 1_000);
    large[0].size = 4 * 1024 * 1024 * 1024 + 1;
    assert_eq!(put(ledger, large).await.expect_err("too large").code(), Code::ResourceExhausted);
    let request = GetBlobRequest { origin: ORIGIN.into(), sha256: sha256(&[&blob]).to_vec() };
    assert_eq!(ledger.client.get_blob(request).await.expect_err("missing").code(), Code::NotFound);
    assert_eq!(put(ledger, pieces(&blob, 0, 1_000)).await.expect("whole"), (1_000, true));
    world.ledger.stop().await;
}
