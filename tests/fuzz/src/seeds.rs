//! Writes the seeds of every parser that was built into the folder that is named: `seeds CORPUS-FOLDER`.
#![forbid(unsafe_code)]

fn main() -> std::io::Result<()> {
    let folder = std::path::PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    for parser in zegel_fuzz::all() {
        let folder = folder.join(parser.name);
        std::fs::create_dir_all(&folder)?;
        for seed in (parser.seeds)() {
            let name = zegel_verifier::hash::sha256(&[&seed]).to_string();
            std::fs::write(folder.join(format!("seed-{}", &name[..16])), seed)?;
        }
    }
    Ok(())
}
