//! Dossier keys: one per conversation, month and run of a source, wrapped to every archive key of the ministry.

use super::{OpenError, SealError};
use crate::entropy::random;
use crate::keys::{ArchiveKey, ArchivePublicKey};
use hkdf::Hkdf;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use prost::Message;
use sha2::Sha256;
use std::fmt;
use thiserror::Error;
use zegel_proto::v1::{DossierEnvelope, DossierRecipient};
use zegel_proto::{parse, print};
use zegel_verifier::hash::{Hash, sha256};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of an encapsulated X-Wing key.
const ENCAPPED_BYTES: usize = 1_120;

/// A dossier key in the clear, in memory only.
#[derive(Clone)]
pub struct DossierKey {
    /// HKDF's pseudorandom key, extracted from the dossier key once: every wrap key expands from it.
    extracted: Zeroizing<[u8; 32]>,
    id: Hash,
}

impl fmt::Debug for DossierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DossierKey").field("id", &self.id).finish()
    }
}

impl DossierKey {
    /// Opens the envelope of `dossier`, of the log `origin`, with the first of `keys` that is among its recipients. An envelope
    /// that was rewrapped goes on under the name of the first one.
    ///
    /// # Errors
    /// [`OpenError::NoKey`] if none is, [`OpenError::OtherOrigin`], [`OpenError::Envelope`] if it does not open.
    pub fn open(envelope: &[u8], dossier: Hash, origin: &str, keys: &[ArchiveKey]) -> Result<Self, OpenError> {
        let parsed: DossierEnvelope = parse(envelope)?;
        Ok(Self::new(&*opened(&parsed, dossier, origin, keys.iter())?, dossier))
    }

    fn new(key: &[u8; 32], id: Hash) -> Self {
        let (mut output, _) = Hkdf::<Sha256>::extract(None, key);
        let mut extracted = Zeroizing::new([0; 32]);
        extracted.copy_from_slice(&output);
        output.zeroize();
        Self { extracted, id }
    }

    /// What was extracted, and the id: for a load tool that goes on with its dossiers.
    pub(crate) fn parts(&self) -> (&[u8; 32], Hash) {
        (&self.extracted, self.id)
    }

    /// The dossier of which these are the parts.
    pub(crate) fn of_parts(extracted: &[u8; 32], id: Hash) -> Self {
        Self { extracted: Zeroizing::new(*extracted), id }
    }

    /// SHA-256 of the envelope: how wraps name the dossier.
    #[must_use]
    pub fn id(&self) -> Hash {
        self.id
    }

    /// The key that wraps one event's key, bound to the log and to what the event commits to.
    pub(super) fn wrap_key(&self, origin: &str, body_root: Hash) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let info: [&[u8]; 4] = [b"zegel wrap v1\n", origin.as_bytes(), b"\n", &body_root.0];
        // Fails only for a key below 32 bytes, and above 255 times 32 bytes of output.
        let expanded = Hkdf::<Sha256>::from_prk(&*self.extracted)
            .is_ok_and(|hkdf| hkdf.expand_multi_info(&info, &mut *key).is_ok());
        debug_assert!(expanded, "32 bytes in and out are within HKDF's reach");
        key
    }
}

/// A new dossier: its key, and the envelope that goes to the ledger.
#[derive(Clone, Debug)]
pub struct Dossier {
    key: DossierKey,
    envelope: Vec<u8>,
}

impl Dossier {
    /// Makes a dossier of `source` and wraps its key to every one of `recipients`.
    ///
    /// # Errors
    /// [`SealError::TooFewArchiveKeys`] below two, [`SealError::BadArchiveKey`], or no random bytes.
    pub fn create(
        origin: &str,
        source: Hash,
        conversation: Option<Hash>,
        month: u32,
        recipients: &[ArchivePublicKey],
    ) -> Result<Self, SealError> {
        if recipients.len() < 2 {
            return Err(SealError::TooFewArchiveKeys { found: recipients.len() });
        }
        let key = Zeroizing::new(random::<32>()?);
        let mut envelope = DossierEnvelope {
            origin: origin.into(),
            source: source.to_vec(),
            conversation: conversation.map(Hash::to_vec).unwrap_or_default(),
            month,
            nonce: random::<16>()?.to_vec(),
            recipients: Vec::new(),
        };
        let mut sealed = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            sealed.push(seal_recipient(recipient, &info(&envelope, recipient.id()), &key)?);
        }
        sealed.sort_by(|one, other| one.archive_key.cmp(&other.archive_key));
        envelope.recipients = sealed;
        let envelope = print(&envelope)?;
        Ok(Self { key: DossierKey::new(&key, sha256(&[&envelope])), envelope })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &DossierKey {
        &self.key
    }

    /// Canonical bytes of the envelope.
    #[must_use]
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }
}

/// The dossier key itself, by the first of `keys` that is among the recipients.
fn opened<'a>(
    envelope: &DossierEnvelope,
    dossier: Hash,
    origin: &str,
    keys: impl Iterator<Item = &'a ArchiveKey> + Clone,
) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    if envelope.origin != origin {
        return Err(OpenError::OtherOrigin { found: envelope.origin.clone(), wanted: origin.into() });
    }
    let at_hand = envelope.recipients.iter().find_map(|recipient| {
        let key = keys.clone().find(|key| recipient.archive_key == key.public().id().0);
        key.map(|key| (key, recipient))
    });
    let no_key = OpenError::NoKey { dossier, recipients: envelope.recipients.len() };
    let (key, recipient) = at_hand.ok_or(no_key)?;
    let info = info(envelope, key.public().id());
    open_recipient(key, &info, &recipient.sealed).ok_or(OpenError::Envelope { dossier })
}

/// What a dossier's envelope becomes: wrapped to one more archive key, without one, or both.
#[derive(Clone, Debug)]
pub struct Rewrapping {
    /// To this one too.
    pub to: ArchivePublicKey,
    /// No longer to this one.
    pub without: Option<Hash>,
}

impl Rewrapping {
    /// The envelope of `dossier`, rewrapped; `None` if it is as it should be. Recipients that stay keep their bytes. It is opened by a key that
    /// stays: so nothing is dropped before another was seen to open.
    ///
    /// # Errors
    /// [`RewrapError`].
    pub fn apply(
        &self,
        envelope: &[u8],
        dossier: Hash,
        origin: &str,
        keys: &[ArchiveKey],
    ) -> Result<Option<Vec<u8>>, RewrapError> {
        let mut parsed: DossierEnvelope = parse(envelope).map_err(OpenError::from)?;
        let staying = keys.iter().filter(|key| Some(key.public().id()) != self.without);
        let is = |recipient: &DossierRecipient, key: Hash| recipient.archive_key == key.0;
        let has = |key: Hash| parsed.recipients.iter().any(|recipient| is(recipient, key));
        let (is_there, goes) = (has(self.to.id()), self.without.filter(|key| has(*key)));
        if is_there && goes.is_none() {
            return Ok(None);
        }
        let key = opened(&parsed, dossier, origin, staying)?;
        if !is_there {
            let sealed = seal_recipient(&self.to, &info(&parsed, self.to.id()), &key)?;
            parsed.recipients.push(sealed);
        }
        parsed.recipients.retain(|recipient| goes.is_none_or(|key| !is(recipient, key)));
        parsed.recipients.sort_by(|one, other| one.archive_key.cmp(&other.archive_key));
        if parsed.recipients.len() < 2 {
            return Err(SealError::TooFewArchiveKeys { found: parsed.recipients.len() }.into());
        }
        Ok(Some(print(&parsed).map_err(OpenError::from)?))
    }
}

/// Why an envelope cannot be rewrapped: it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RewrapError {
    /// By no key at hand that stays.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// To the new key.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// HPKE's info: what the envelope says, and to whom it speaks.
fn info(envelope: &DossierEnvelope, recipient: Hash) -> Vec<u8> {
    let bare = DossierEnvelope { recipients: Vec::new(), ..envelope.clone() };
    [b"zegel dossier v1\n", &sha256(&[&bare.encode_to_vec()]).0[..], &recipient.0].concat()
}

fn seal_recipient(recipient: &ArchivePublicKey, info: &[u8], key: &[u8; 32]) -> Result<DossierRecipient, SealError> {
    let mode = OpModeS::Base;
    let (encapped, ciphertext) =
        hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, XWing>(&mode, &recipient.key, info, key, &[])
            .map_err(|_| SealError::BadArchiveKey { key: recipient.id() })?;
    let sealed = [&encapped.to_bytes()[..], &ciphertext].concat();
    Ok(DossierRecipient { archive_key: recipient.id().to_vec(), sealed })
}

fn open_recipient(key: &ArchiveKey, info: &[u8], sealed: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let (encapped, ciphertext) = sealed.split_at_checked(ENCAPPED_BYTES)?;
    let encapped = <XWing as Kem>::EncappedKey::from_bytes(encapped).ok()?;
    let mode = OpModeR::Base;
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &mode,
        key.key.key(),
        &encapped,
        info,
        ciphertext,
        &[],
    );
    let opened = Zeroizing::new(opened.ok()?);
    opened.as_slice().try_into().ok().map(Zeroizing::new)
}
