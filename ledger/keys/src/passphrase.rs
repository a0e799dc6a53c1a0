//! Passphrases, and where they are looked for. Never an argument: every user of a machine reads those of every process.

use crate::KeyError;
use crate::private::read_private;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Bytes of a passphrase: more is a file that was named by mistake.
const BYTES_MAX: usize = 1024;

/// A passphrase, or the PIN of a token. Wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passphrase(not shown)")
    }
}

impl Passphrase {
    /// Takes the bytes of a file or variable; one line feed at the end is not part of it.
    ///
    /// # Errors
    /// [`KeyError::BadPassphrase`] if it is empty, too long or no text. `place` says where it was found.
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self, KeyError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bad = || KeyError::BadPassphrase { place: place.into(), found: bytes.len() };
        let text = std::str::from_utf8(bytes).ok().filter(|text| (1..=BYTES_MAX).contains(&text.len()));
        Ok(Self(Zeroizing::new(text.ok_or_else(bad)?.into())))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Where passphrases are looked for. `Debug` shows places, never what lies there.
#[derive(Clone, Debug, Default)]
pub struct Passphrases {
    credentials: Option<PathBuf>,
    file: Option<PathBuf>,
    given: Option<Passphrase>,
}

impl Passphrases {
    /// The places that the environment of this process names.
    ///
    /// # Errors
    /// [`KeyError::BadPassphrase`] for the variable `ZEGEL_PASSPHRASE`.
    pub fn of_environment() -> Result<Self, KeyError> {
        Self::of(&|name| std::env::var_os(name))
    }

    fn of(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, KeyError> {
        let value = variable("ZEGEL_PASSPHRASE").map(|value| Zeroizing::new(value.into_encoded_bytes()));
        let given = value.map(|value| Passphrase::parse(&value, "ZEGEL_PASSPHRASE")).transpose()?;
        let path = |name| variable(name).map(PathBuf::from);
        Ok(Self { credentials: path("CREDENTIALS_DIRECTORY"), file: path("ZEGEL_PASSPHRASE_FILE"), given })
    }

    /// One passphrase for every key.
    #[must_use]
    pub fn given(passphrase: Passphrase) -> Self {
        Self { given: Some(passphrase), ..Self::default() }
    }

    /// The passphrase of a key file: credential `<name of the file up to its first dot>.passphrase`, credential
    /// `zegel.passphrase`, the file of `ZEGEL_PASSPHRASE_FILE`, the variable `ZEGEL_PASSPHRASE`; the first that is there.
    ///
    /// # Errors
    /// [`KeyError::NoPassphrase`] if none is there; a file that is named and cannot be used is never passed over.
    pub fn of_key(&self, key: &Path) -> Result<Passphrase, KeyError> {
        let credential = credential(key);
        let named = [credential.clone(), "zegel.passphrase".into()];
        let credentials = self.credentials.iter().flat_map(|folder| named.iter().map(|name| folder.join(name)));
        let credentials = credentials.filter(|path| path.exists());
        if let Some(path) = credentials.chain(self.file.clone()).next() {
            return Passphrase::parse(&read_private(&path)?, &path.display().to_string());
        }
        let missing = || KeyError::NoPassphrase { path: key.into(), credential };
        self.given.clone().ok_or_else(missing)
    }
}

fn credential(key: &Path) -> String {
    let name = key.file_name().unwrap_or_default().to_string_lossy();
    format!("{}.passphrase", name.split('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::write_new;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn word(text: &str) -> Passphrase {
        Passphrase::parse(text.as_bytes(), "here").expect("a passphrase")
    }

    #[test]
    fn the_credential_of_the_key_comes_first_then_the_common_one_then_the_file_then_the_variable() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = |name: &str| folder.path().join(name);
        let passphrases = Passphrases::of(&|name| match name {
            "CREDENTIALS_DIRECTORY" => Some(folder.path().into()),
            "ZEGEL_PASSPHRASE_FILE" => Some(place("file").into()),
            _ => Some("variable".into()),
        });
        let passphrases = passphrases.expect("places");
        write_new(&place("file"), b"file\n").expect("written");
        write_new(&place("zegel.passphrase"), b"common").expect("written");
        write_new(&place("log.passphrase"), b"of the log").expect("written");
        assert_eq!(passphrases.of_key(Path::new("/keys/log.key")), Ok(word("of the log")));
        assert_eq!(passphrases.of_key(Path::new("/keys/log.next.key")), Ok(word("of the log")));
        assert_eq!(passphrases.of_key(Path::new("/keys/root.key")), Ok(word("common")));
        fs::remove_file(place("zegel.passphrase")).expect("removed");
        assert_eq!(passphrases.of_key(Path::new("/keys/root.key")), Ok(word("file")));
        let named = Passphrases { file: None, ..passphrases };
        assert_eq!(named.of_key(Path::new("/keys/root.key")), Ok(word("variable")));
        let nothing = Passphrases::default().of_key(Path::new("/keys/root.key"));
        let credential = "root.passphrase".into();
        assert_eq!(nothing, Err(KeyError::NoPassphrase { path: "/keys/root.key".into(), credential }));
    }

    #[test]
    fn a_file_that_is_named_is_not_passed_over_when_it_is_missing_or_open_to_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("passphrase");
        let passphrases = Passphrases { file: Some(path.clone()), ..Passphrases::given(word("variable")) };
        let found = passphrases.of_key(Path::new("root.key"));
        assert!(matches!(found, Err(KeyError::Io { kind: std::io::ErrorKind::NotFound, .. })));
        write_new(&path, b"secret").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("mode set");
        assert_eq!(passphrases.of_key(Path::new("root.key")), Err(KeyError::TooOpen { path, mode: 0o644 }));
    }

    #[test]
    fn an_empty_one_one_too_long_and_bytes_that_are_no_text_are_refused() {
        let bad = |found| Err(KeyError::BadPassphrase { place: "here".into(), found });
        assert_eq!(Passphrase::parse(b"", "here"), bad(0));
        assert_eq!(Passphrase::parse(b"\n", "here"), bad(0));
        assert_eq!(Passphrase::parse(&[b'a'; 1025], "here"), bad(1025));
        assert_eq!(Passphrase::parse(&[0xff], "here"), bad(1));
        assert!(Passphrase::parse(&[b'a'; 1024], "here").is_ok());
    }

    #[test]
    fn a_passphrase_is_never_shown() {
        let shown = format!("{:?} {:?}", word("hunter2"), Passphrases::given(word("hunter2")));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
