//! A bundle folder read into memory, to be changed and written again with right checksums. For small bundles: the demo's.

use prost::Message;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zegel_proto::v1::EvidenceRecord;
use zegel_verifier::hash::sha256;

const PART: &str = "data/evidence-0001";
const STATEMENT: &str = "data/export-statement";

/// A bundle of one part.
pub struct Bagged {
    /// Its records, in order.
    pub records: Vec<EvidenceRecord>,
    /// The signed statement.
    pub statement: Vec<u8>,
}

impl Bagged {
    /// Reads a bundle folder.
    ///
    /// # Errors
    /// What the file system says, or `InvalidData` for records that are none.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let bytes = fs::read(folder.join(PART))?;
        let mut rest = bytes.as_slice();
        let mut records = Vec::new();
        while !rest.is_empty() {
            records.push(EvidenceRecord::decode_length_delimited(&mut rest).map_err(io::Error::other)?);
        }
        Ok(Self { records, statement: fs::read(folder.join(STATEMENT))? })
    }

    /// Writes a copy of `original` with these records and this statement, and makes the bag's checksums right again.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, original: &Path, copy: &Path) -> io::Result<()> {
        copy_folder(original, copy)?;
        let part: Vec<u8> = self.records.iter().flat_map(Message::encode_length_delimited_to_vec).collect();
        fs::write(copy.join(PART), part)?;
        fs::write(copy.join(STATEMENT), &self.statement)?;
        seal_bag(copy)
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for item in fs::read_dir(from)? {
        let item = item?;
        let target = to.join(item.file_name());
        if item.file_type()?.is_dir() {
            copy_folder(&item.path(), &target)?;
        } else {
            fs::copy(item.path(), target)?;
        }
    }
    Ok(())
}

/// Both manifests of a bag again, with the files that they list.
fn seal_bag(bag: &Path) -> io::Result<()> {
    for manifest in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        let path: PathBuf = bag.join(manifest);
        let text = fs::read_to_string(&path)?;
        let mut lines = String::new();
        for line in text.lines() {
            let name = line.split_once("  ").map_or("", |(_, name)| name);
            lines.push_str(&format!("{}  {name}\n", sha256(&[&fs::read(bag.join(name))?])));
        }
        fs::write(path, lines)?;
    }
    Ok(())
}
