//! Where does a private key lie, and what may see it? Key files, tokens, and a process that leaves no dump.
//!
//! Invariants:
//! - a key file is created 0600 and never overwritten, and is refused when others can read it;
//! - a passphrase comes from a file, the environment or a systemd credential, never from an argument;
//! - what is secret is wiped when it is dropped, lies in a locked page of its own where the system allows that, and no
//!   `Debug` shows it;
//! - a signature is verified strictly before it leaves: a token that signs something else is found here.
//!
//! Not here: who may do what with a key (the registry), archive keys (the tools). What safe code does not reach: copies that
//! the processor or a library leaves on the stack. Specification: `specs/keys.md`.

mod document;
mod held;
mod lattice;
mod passphrase;
mod private;
mod process;
mod signer;
mod token;
mod uri;

pub use document::{Protection, document_of, open_document, open_pem, open_secret, write_document, write_secret};
pub use held::HeldKey;
pub use lattice::LatticeSigner;
pub use passphrase::{Passphrase, Passphrases};
pub use private::{read_private, write_new};
pub use process::{ProcessError, leave_no_dumps};
pub use signer::{SignError, Signer, create, create_in_token};
pub use token::TokenError;
pub use uri::{KeyUri, UriError};

use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why a key cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// What the operating system says.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Kind of failure.
        kind: io::ErrorKind,
        /// In words.
        reason: String,
    },
    /// It is there already.
    #[error("{path} is there already, and is never overwritten")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Others can read it.
    #[error("{path} has mode {mode:o}, so others can read it: run `chmod 600 {path}`, and replace the key if they did")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file that is not the key that is wanted.
    #[error("{path} is not {wanted}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected.
        wanted: &'static str,
    },
    /// An encrypted key, and nothing to open it with.
    #[error(
        "{path} wants a passphrase: put it in a file of mode 600 and name that in ZEGEL_PASSPHRASE_FILE, or give the \
         systemd credential {credential}"
    )]
    NoPassphrase {
        /// The key file.
        path: PathBuf,
        /// The credential that is looked for first.
        credential: String,
    },
    /// A passphrase that no key can have.
    #[error("the passphrase in {place} has {found} bytes, 1 to 1024 of UTF-8 text are wanted")]
    BadPassphrase {
        /// Where it was found.
        place: String,
        /// Its bytes.
        found: usize,
    },
    /// Not the passphrase of this key.
    #[error(
        "{path} does not open with the passphrase that was found: it is that of another key, or the file is damaged"
    )]
    WrongPassphrase {
        /// The key file.
        path: PathBuf,
    },
    /// No random bytes.
    #[error("the operating system gives no random bytes")]
    Entropy,
    /// A reference to a key in a token that does not read.
    #[error("{path}: {reason}")]
    Uri {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: UriError,
    },
    /// A token.
    #[error(transparent)]
    Token(#[from] TokenError),
}
