//! The files of the bundle: evidence parts as a stream, and the bag around them.

use prost::Message;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use zegel_proto::v1::{EvidenceHeader, EvidenceRecord, evidence_record::Record};
use zegel_verifier::bundle::bag;
use zegel_verifier::hash::{Hash, sha256};

/// A part is closed once it holds this much.
const PART_BYTES: u64 = 48 * 1024 * 1024;

/// The parts, one after the other.
pub(super) struct Parts {
    folder: PathBuf,
    open: Option<(BufWriter<File>, Sha256, u64)>,
    pub(super) digests: Vec<Hash>,
}

impl Parts {
    /// The first part is written last: it holds the header alone, which names the checkpoint.
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), open: None, digests: vec![Hash::ZERO] }
    }

    fn path(&self, number: usize) -> PathBuf {
        self.folder.join(bag::part_path(number as u32))
    }

    pub(super) fn push(&mut self, record: Record) -> io::Result<()> {
        if self.open.is_none() {
            let file = File::create(self.path(self.digests.len() + 1))?;
            self.open = Some((BufWriter::new(file), Sha256::new(), 0));
        }
        let bytes = EvidenceRecord { record: Some(record) }.encode_length_delimited_to_vec();
        if let Some((file, hasher, written)) = &mut self.open {
            file.write_all(&bytes)?;
            hasher.update(&bytes);
            *written += bytes.len() as u64;
            if *written < PART_BYTES {
                return Ok(());
            }
        }
        self.close()
    }

    pub(super) fn close(&mut self) -> io::Result<()> {
        if let Some((mut file, hasher, _)) = self.open.take() {
            file.flush()?;
            self.digests.push(Hash(hasher.finalize().into()));
        }
        Ok(())
    }

    pub(super) fn header(&mut self, header: EvidenceHeader) -> io::Result<()> {
        let bytes = EvidenceRecord { record: Some(Record::Header(header)) }.encode_length_delimited_to_vec();
        self.digests[0] = sha256(&[&bytes]);
        fs::write(self.path(1), bytes)
    }

    /// Writes the statement and the tag files around the parts.
    pub(super) fn bag(&self, statement: &[u8]) -> io::Result<()> {
        fs::write(self.folder.join(bag::STATEMENT_PATH), statement)?;
        let parts = (1..).zip(&self.digests).map(|(number, digest)| (bag::part_path(number), *digest));
        let listed = parts.chain([(bag::STATEMENT_PATH.to_owned(), sha256(&[statement]))]);
        let line = |(path, digest): (String, Hash)| format!("{digest}  {path}\n");
        let tags = [
            ("bagit.txt", bag::BAGIT_TXT.to_owned()),
            ("bag-info.txt", "Bagging-Software: make_bundle\n".to_owned()),
            ("manifest-sha256.txt", listed.map(line).collect()),
        ];
        let mut tag_manifest = String::new();
        for (path, text) in &tags {
            tag_manifest += &line(((*path).into(), sha256(&[text.as_bytes()])));
            fs::write(self.folder.join(path), text)?;
        }
        fs::write(self.folder.join("tagmanifest-sha256.txt"), tag_manifest)
    }
}
