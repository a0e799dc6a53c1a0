//! The checked-in code is what the `.proto` files say. No `protoc` is needed to build: run this test with
//! `ZEGEL_WRITE=1` after a change of a `.proto` file.
#![allow(clippy::disallowed_methods, reason = "a test reads, writes and starts what it needs")]

use std::path::{Path, PathBuf};

const FILES: [&str; 6] = ["v1/event", "v1/governance", "v1/log", "v1/evidence", "v1/ledger", "source/v1/source"];
const PACKAGES: [&str; 2] = ["zegel.v1", "zegel.source.v1"];

fn generate(into: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files: Vec<PathBuf> = FILES.iter().map(|name| root.join(format!("zegel/{name}.proto"))).collect();
    let descriptors = protox::compile(files, [root]).expect("the .proto files compile");
    tonic_prost_build::configure()
        .out_dir(into)
        .client_mod_attribute(".", "#[cfg(feature = \"rpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"rpc\")]")
        .compile_fds(descriptors)
        .expect("code is generated");
}

#[test]
fn generated_code_is_current() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    generate(folder.path());
    for package in PACKAGES {
        let now = std::fs::read_to_string(folder.path().join(format!("{package}.rs"))).expect("one generated file");
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/generated/{package}.rs"));
        if std::env::var_os("ZEGEL_WRITE").is_some() {
            std::fs::write(&kept, &now).expect("the generated file is written");
        }
        let before = std::fs::read_to_string(&kept).unwrap_or_default();
        assert!(
            before == now,
            "proto/src/generated is stale: run ZEGEL_WRITE=1 cargo test --workspace --test generated"
        );
    }
}
