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
    assert_eq!(put(ledger, large).await.expect_err("too large").code(), Code::InvalidArgument);
    let request = GetBlobRequest { origin: ORIGIN.into(), sha256: sha256(&[&blob]).to_vec() };
    assert_eq!(ledger.client.get_blob(request).await.expect_err("missing").code(), Code::NotFound);
    assert_eq!(put(ledger, pieces(&blob, 0, 1_000)).await.expect("whole"), (1_000, true));
    world.ledger.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_stall_stop_nobody_elses_append() {
    let place = Site::new();
    let server = place.bind(std::sync::Arc::new(zegel_ledger::NoFaults)).await.expect("a ledger");
    let address = format!("http://{}", server.address());
    let ledger = Running::of(server).await;
    let (answer, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let mut kept = Vec::new();
    for _ in 0..3 {
        let client = ledger_client::LedgerClient::connect(address.clone()).await.expect("a connection");
        for _ in 0..200 {
            let (pieces, sent) = tokio::sync::mpsc::channel(1);
            let first = PutBlobRequest {
                origin: ORIGIN.into(),
                sha256: fresh().to_vec(),
                size: 10,
                ..PutBlobRequest::default()
            };
            pieces.send(first).await.expect("room for one");
            kept.push(pieces);
            let (mut client, answer) = (client.clone(), answer.clone());
            tokio::spawn(async move {
                let put = client.put_blob(tokio_stream::wrappers::ReceiverStream::new(sent)).await;
                _ = answer.send(put.map(|_| ()).map_err(|status| status.code()));
            });
        }
    }
    let limit = std::time::Duration::from_secs(60);
    for _ in 0..600 - 256 {
        let refused = tokio::time::timeout(limit, answers.recv()).await.expect("an answer, not a thread that waits");
        assert_eq!(refused, Some(Err(Code::ResourceExhausted)));
    }
    let world = tokio::time::timeout(limit, World::on(place, ledger)).await.expect("two batches are taken");
    drop(kept);
    world.ledger.stop().await;
}

/// A small disk under the store of a site, until the test ends. It takes the right to mount.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None`, said aloud, where it is not permitted.
    fn mount(path: std::path::PathBuf, options: &str) -> Option<Self> {
        std::fs::create_dir_all(&path).expect("a folder");
        let mut mount = std::process::Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&path).output();
        let disk = mounted.is_ok_and(|output| output.status.success()).then_some(Self(path));
        if disk.is_none() {
            eprintln!("\nSKIPPED, NOTHING PROVEN: a small disk needs the right to mount a tmpfs (root)\n");
        }
        disk
    }

    /// Leaves so much of it free.
    fn leave(&self, free_mib: u64) {
        let of = rustix::fs::statvfs(&self.0).expect("a disk");
        let used_mib = ((of.f_blocks - of.f_bfree) * of.f_frsize) >> 20;
        let options = format!("remount,size={}m", used_mib + free_mib);
        let changed = std::process::Command::new("mount").args(["-o", &options]).arg(&self.0).status();
        assert!(changed.expect("mount runs").success());
    }

    fn free_mib(&self) -> u64 {
        let of = rustix::fs::statvfs(&self.0).expect("a disk");
        (of.f_bavail * of.f_frsize) >> 20
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_go_on_together_leave_the_reserve_and_the_log_as_they_are() {
    let site = Site::new();
    let Some(disk) = SmallDisk::mount(site.store(), "size=1g") else { return };
    let text = site.config_text().replacen("[[log]]\n", "[[log]]\nreserve_mib = 96\n", 1);
    let folder = site.path().to_owned();
    let config = || zegel_ledger::Config::parse(&text, &folder).expect("a configuration");
    let ledger = Running::of(zegel_ledger::Server::bind(config()).await.expect("a ledger")).await;
    let mut world = World::on(site, ledger).await;
    disk.leave(96 + 64);
    // Eight of 16 MiB, each of which finds room for all of itself when it begins.
    let blobs: Vec<Vec<u8>> = (0..8).map(|number| vec![number; 16 << 20]).collect();
    let mut uploads = Vec::new();
    for blob in &blobs {
        let (piece, pieces_sent) = tokio::sync::mpsc::channel(1);
        let mut client = world.ledger.client.clone();
        let pieces_sent = tokio_stream::wrappers::ReceiverStream::new(pieces_sent);
        let put = tokio::spawn(async move { client.put_blob(pieces_sent).await });
        let mut left = pieces(blob, 0, blob.len()).into_iter();
        for begun in left.by_ref().take(2) {
            piece.send(begun).await.expect("sent");
        }
        while stat(&mut world.ledger, blob).await != (50_000, false) {
            tokio::task::yield_now().await;
        }
        uploads.push((piece, left, put));
    }
    // Then all go on, in turn.
    let sending = uploads.into_iter().map(|(piece, left, put)| {
        tokio::spawn(async move {
            for next in left {
                if piece.send(next).await.is_err() {
                    break;
                }
            }
            drop(piece);
            put.await.expect("no panic").map(|stat| stat.into_inner().complete)
        })
    });
    let mut ended = Vec::new();
    for sent in sending.collect::<Vec<_>>() {
        ended.push(sent.await.expect("no panic"));
    }
    let refused: Vec<_> = ended.iter().filter_map(|ended| ended.as_ref().err()).collect();
    assert!(refused.len() >= 4, "{ended:?}");
    for refused in refused {
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        assert!(refused.message().contains("MiB free, of which 96 are kept"), "{refused}");
    }
    let left = disk.free_mib();
    assert!(left >= 92, "{left} MiB are left of 96: others write a little beside the log");
    // What is left is the log's: an append is refused before it harms anything, and goes on in the same process with room.
    let events = world.source.messages(&world.capture, 0, 1, MONTH);
    let batch = world.source.batch(&events);
    world.ledger.refused(batch.clone(), Code::ResourceExhausted, "of which 96 are kept").await;
    disk.leave(512);
    world.ledger.append(batch).await.expect("appended");
    for blob in &blobs {
        let (offset, _) = stat(&mut world.ledger, blob).await;
        // Of one that is there already nothing more is taken.
        let rest = pieces(blob, offset as usize, blob.len());
        assert_eq!(put(&mut world.ledger, rest).await.expect("whole"), (16 << 20, true));
    }
    world.ledger.stop().await;
    assert_eq!(zegel_ledger::check(&config()).expect("a report").findings, []);
}
