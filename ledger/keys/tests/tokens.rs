//! Keys in a PKCS#11 token: SoftHSM2, as Debian packages it.
//!
//! The library reads its configuration from the environment once, so what needs a token runs in a process of its own.
//! Without SoftHSM2 the test says loudly that it was skipped; `ZEGEL_NEEDS_TOKEN=1` makes that a failure.

use ed25519_dalek::{Signature, VerifyingKey};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use zegel_keys::{KeyError, KeyUri, Passphrase, Passphrases, Signer, TokenError, create_in_token};

const PIN: &str = "483921";

/// Where Debian and others put the library.
fn library() -> Option<PathBuf> {
    let places =
        ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so"];
    places.iter().map(PathBuf::from).find(|path| path.exists())
}

fn word(text: &str) -> Passphrases {
    Passphrases::given(Passphrase::parse(text.as_bytes(), "the test").expect("a PIN"))
}

fn uri(object: &str) -> KeyUri {
    KeyUri { token: "zegel test".into(), object: object.into(), module: library().expect("a library") }
}

#[test]
fn a_key_that_never_leaves_its_token_signs_and_is_verified_strictly() {
    if library().is_none() {
        eprintln!("SKIPPED the tests of tokens: SoftHSM2 is not installed (apt-get install softhsm2)");
        assert!(std::env::var_os("ZEGEL_NEEDS_TOKEN").is_none(), "ZEGEL_NEEDS_TOKEN is set, and there is no SoftHSM2");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (config, tokens) = (folder.path().join("softhsm2.conf"), folder.path().join("tokens"));
    fs::create_dir(&tokens).expect("a folder for tokens");
    fs::write(&config, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).expect("written");
    let mut make = Command::new("softhsm2-util");
    make.args(["--init-token", "--free", "--label", "zegel test", "--so-pin", "9999", "--pin", PIN]);
    let made = make.env("SOFTHSM2_CONF", &config).output().expect("softhsm2-util runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    child.args(["--exact", "inside", "--ignored", "--nocapture"]).env("SOFTHSM2_CONF", &config);
    let ended = child.env("ZEGEL_TEST_FOLDER", folder.path()).output().expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by the test above, with a token of its own"]
fn inside() {
    let folder = PathBuf::from(std::env::var_os("ZEGEL_TEST_FOLDER").expect("a folder"));
    let path = folder.join("log.key");
    signs(&path);
    refuses(&path);
}

fn signs(path: &Path) {
    let public = create_in_token(path, &uri("log"), &word(PIN)).expect("made");
    let text = fs::read_to_string(path).expect("a reference");
    assert!(text.starts_with("pkcs11:token=zegel%20test;object=log?module-path=/"), "{text}");
    let key = Signer::open(path, &word(PIN)).expect("opened");
    let again = Signer::open(path, &word(PIN)).expect("opened twice: sessions share a login");
    assert_eq!((key.public_key(), again.public_key()), (public, public));
    let message = b"chat.example.nl/minbzk\n1\nAAAA\n";
    let signature = key.sign(message).expect("signed");
    let verifying = VerifyingKey::from_bytes(&public).expect("a key");
    let verified = |message: &[u8]| {
        let strict = verifying.verify_strict(message, &Signature::from_bytes(&signature));
        // The crate hides the variant behind its source.
        strict.map_err(|reason| reason.source().map(ToString::to_string).unwrap_or_default())
    };
    assert_eq!(verified(message), Ok(()));
    assert_eq!(verified(b"another"), Err("Verification equation was not satisfied".to_owned()));
    assert_eq!(again.sign(message), Ok(signature));
    assert!(format!("{key:?}").ends_with("place: \"token\" }"));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn({
                let key = key.clone();
                move || key.sign(b"from a thread").expect("signed")
            })
        })
        .collect();
    let all: Vec<[u8; 64]> = threads.into_iter().map(|thread| thread.join().expect("it ended")).collect();
    assert!(all.iter().all(|each| *each == all[0]));
}

fn refuses(path: &Path) {
    let other = path.with_file_name("other.key");
    let refused = create_in_token(&other, &uri("log"), &word(PIN));
    let (token, object) = (String::from("zegel test"), String::from("log"));
    let taken = TokenError::Keys { token: token.clone(), object, found: 1, wanted: "none is" };
    assert_eq!(refused, Err(KeyError::Token(taken)));
    assert_eq!(create_in_token(path, &uri("new"), &word(PIN)), Err(KeyError::Exists { path: path.into() }));
    let open = |uri: &KeyUri| {
        let _ = fs::remove_file(&other);
        zegel_keys::write_new(&other, uri.to_string().as_bytes()).expect("written");
        Signer::open(&other, &word(PIN)).map(|_| ())
    };
    let none = TokenError::Keys { token: token.clone(), object: "nobody".into(), found: 0, wanted: "one is" };
    assert_eq!(open(&uri("nobody")), Err(KeyError::Token(none)));
    let elsewhere = KeyUri { token: "elsewhere".into(), ..uri("log") };
    assert_eq!(open(&elsewhere), Err(KeyError::Token(TokenError::Tokens { token: "elsewhere".into(), found: 0 })));
    let missing = KeyUri { module: "/nowhere/lib.so".into(), ..uri("log") };
    assert!(matches!(open(&missing), Err(KeyError::Token(TokenError::Call { doing: "loading the library", .. }))));
}
