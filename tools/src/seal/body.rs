//! One event's body under a key of its own, and that key under its dossier.

use super::dossier::DossierKey;
use super::padding::{padded, unpad};
use super::{OpenError, SealError};
use crate::entropy::{random, random_bytes};
use crate::event::Event;
use chacha20poly1305::aead::{Aead, AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, XChaCha20Poly1305};
use prost::Message;
use zegel_proto::limits::CIPHERTEXT_BYTES_MAX;
use zegel_proto::v1::event_header::Content;
use zegel_proto::v1::evidence_event::Body as Shown;
use zegel_proto::v1::{Body, EventHeader, KeyWrap, RedactedBody, SealedBody};
use zegel_proto::{CanonicalError, Grammar, parse, print};
use zegel_verifier::commit::{ShownBody, check_redacted};
use zegel_verifier::hash::{Hash, sha256};
use zegel_verifier::kinds::layout;
use zeroize::Zeroizing;

/// Bytes of an event key.
const KEY_BYTES: usize = 32;
/// Bytes of an authentication tag.
pub(super) const TAG_BYTES: usize = 16;

/// Seals a body under its header, in a dossier of the log `origin`. The row of the message is the caller's to add.
///
/// # Errors
/// [`SealError::TooLarge`] for a body above the limit, [`SealError::Canonical`] for one that breaks its grammar.
pub fn seal(header: &[u8], body: &Body, origin: &str, dossier: &DossierKey) -> Result<SealedBody, SealError> {
    let body_root = body_root(&parse(header)?).unwrap_or(Hash::ZERO);
    let event_key = Zeroizing::new(random()?);
    seal_under(&event_key, header, body, &dossier.wrap_key(origin, body_root), dossier.id())
}

/// Seals the bodies of a batch, each in the dossier beside it, with its message row. An event without a body has an empty
/// sealed form.
///
/// # Errors
/// As [`seal`], for the first that cannot be sealed.
pub fn seal_all<'a>(
    events: impl ExactSizeIterator<Item = (&'a Event, Option<&'a DossierKey>)>,
    origin: &str,
) -> Result<Vec<SealedBody>, SealError> {
    // One call to the operating system for the keys of a batch.
    let keys = random_bytes(events.len() * KEY_BYTES)?;
    let seal = |((event, dossier), key): ((&Event, Option<&DossierKey>), &[u8])| {
        let (Some(body), Some(dossier)) = (&event.body, dossier) else { return Ok(SealedBody::default()) };
        let body_root = event.facts.body_root.unwrap_or(Hash::ZERO);
        let mut event_key = Zeroizing::new([0; KEY_BYTES]);
        event_key.copy_from_slice(key);
        let wrap_key = dossier.wrap_key(origin, body_root);
        let sealed = seal_under(&event_key, &event.header, body, &wrap_key, dossier.id())?;
        Ok(SealedBody { message_row: event.message_row.map(Vec::from).unwrap_or_default(), ..sealed })
    };
    events.zip(keys.chunks_exact(KEY_BYTES)).map(seal).collect()
}

fn seal_under(
    event_key: &[u8; KEY_BYTES],
    header: &[u8],
    body: &Body,
    wrap_key: &[u8; KEY_BYTES],
    dossier: Hash,
) -> Result<SealedBody, SealError> {
    let broken = |reason| CanonicalError::Grammar { message: Body::NAME, reason };
    body.check().map_err(broken)?;
    let found = super::padded_size(body.encoded_len().saturating_add(4)).saturating_add(TAG_BYTES);
    if found > CIPHERTEXT_BYTES_MAX {
        return Err(SealError::TooLarge { found, max: CIPHERTEXT_BYTES_MAX });
    }
    let mut ciphertext = padded(body);
    let cipher = |_| SealError::Cipher { found };
    // The nonce is fixed: no event key is used twice.
    XChaCha20Poly1305::new(event_key.into())
        .encrypt_in_place(&[0; 24].into(), header, &mut ciphertext)
        .map_err(cipher)?;
    let wrapped = ChaCha20Poly1305::new(wrap_key.into()).encrypt(&[0; 12].into(), &event_key[..]).map_err(cipher)?;
    let wrap = print(&KeyWrap { dossier: dossier.to_vec(), wrapped })?;
    Ok(SealedBody { ciphertext, wrap, message_row: Vec::new() })
}

/// Seals what is left of a body once parts of it are covered for good: under a new key, in the dossier of the old one. The wrap key is of this ciphertext alone,
/// so that none encrypts twice.
///
/// # Errors
/// As [`seal`].
pub fn reseal(
    header: &[u8],
    body: &RedactedBody,
    origin: &str,
    dossier: &DossierKey,
) -> Result<(Vec<u8>, Vec<u8>), SealError> {
    let body_root = body_root(&parse(header)?).unwrap_or(Hash::ZERO);
    let event_key = Zeroizing::new(random()?);
    let mut ciphertext = padded(body);
    let found = ciphertext.len() + TAG_BYTES;
    if found > CIPHERTEXT_BYTES_MAX {
        return Err(SealError::TooLarge { found, max: CIPHERTEXT_BYTES_MAX });
    }
    let cipher = |_| SealError::Cipher { found };
    XChaCha20Poly1305::new((&*event_key).into())
        .encrypt_in_place(&[0; 24].into(), header, &mut ciphertext)
        .map_err(cipher)?;
    let wrap_key = dossier.wrap_key(origin, resealed_root(body_root, &ciphertext));
    let wrapped =
        ChaCha20Poly1305::new((&*wrap_key).into()).encrypt(&[0; 12].into(), &event_key[..]).map_err(cipher)?;
    let wrap = print(&KeyWrap { dossier: dossier.id().to_vec(), wrapped })?;
    Ok((ciphertext, wrap))
}

/// What stands for the body root in the wrap key of a body that was sealed again.
fn resealed_root(body_root: Hash, ciphertext: &[u8]) -> Hash {
    sha256(&[b"zegel reseal v1\n", &body_root.0, &sha256(&[ciphertext]).0])
}

/// Opens a body that was sealed again after parts of it were covered for good.
fn open_resealed(
    header: &[u8],
    ciphertext: &[u8],
    wrap: &[u8],
    origin: &str,
    dossier: &DossierKey,
) -> Result<RedactedBody, OpenError> {
    let body_root = body_root(&parse(header)?).ok_or(OpenError::Public)?;
    let padded = open_padded(
        header,
        ciphertext,
        wrap,
        dossier,
        &dossier.wrap_key(origin, resealed_root(body_root, ciphertext)),
    )?;
    unpad(&padded).map_err(|length| OpenError::Padding { length }).and_then(|plain| Ok(parse(plain)?))
}

/// Opens a sealed body under its header with the dossier that its wrap names.
///
/// # Errors
/// [`OpenError`], with the first thing that is wrong. What opened may still not be what was committed.
pub fn open(
    header: &[u8],
    ciphertext: &[u8],
    wrap: &[u8],
    origin: &str,
    dossier: &DossierKey,
) -> Result<Body, OpenError> {
    let body_root = body_root(&parse(header)?).ok_or(OpenError::Public)?;
    let padded = open_padded(header, ciphertext, wrap, dossier, &dossier.wrap_key(origin, body_root))?;
    unpad(&padded).map_err(|length| OpenError::Padding { length }).and_then(|plain| Ok(parse(plain)?))
}

fn open_padded(
    header: &[u8],
    ciphertext: &[u8],
    wrap: &[u8],
    dossier: &DossierKey,
    wrap_key: &[u8; KEY_BYTES],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let wrap: KeyWrap = parse(wrap)?;
    let found = Hash::read(&wrap.dossier).unwrap_or(Hash::ZERO);
    if found != dossier.id() {
        return Err(OpenError::UnknownDossier { found });
    }
    let event_key = ChaCha20Poly1305::new(wrap_key.into()).decrypt(&[0; 12].into(), wrap.wrapped.as_slice());
    let event_key = event_key.map(Zeroizing::new).map_err(|_| OpenError::Wrap)?;
    let event_key: &[u8; 32] = event_key.as_slice().try_into().map_err(|_| OpenError::Wrap)?;
    let mut padded = Zeroizing::new(ciphertext.to_vec());
    XChaCha20Poly1305::new(event_key.into())
        .decrypt_in_place(&[0; 24].into(), header, &mut *padded)
        .map_err(|_| OpenError::Ciphertext)?;
    Ok(padded)
}

/// Opens a sealed body and checks it against its header: the commitment with all its salts, or with those that are left.
///
/// # Errors
/// [`OpenError`]; [`OpenError::Commitment`] if what opened is not what was committed.
pub fn open_checked(
    header: &[u8],
    ciphertext: &[u8],
    wrap: &[u8],
    origin: &str,
    dossier: &DossierKey,
) -> Result<(Shown, ShownBody), OpenError> {
    let parsed: EventHeader = parse(header)?;
    let root = body_root(&parsed).ok_or(OpenError::Public)?;
    let layout = layout(parsed.kind());
    match open(header, ciphertext, wrap, origin, dossier) {
        // Another wrap key, or none: what was sealed again has one of its own.
        Err(OpenError::Wrap) => {
            let body = open_resealed(header, ciphertext, wrap, origin, dossier)?;
            let shown = check_redacted(body.clone(), layout, root)?;
            Ok((Shown::Redacted(body), shown))
        }
        opened => {
            let body = opened?;
            let shown = ShownBody::open(body.clone(), layout, root)?;
            Ok((Shown::Opened(body), shown))
        }
    }
}

fn body_root(header: &EventHeader) -> Option<Hash> {
    match &header.content {
        Some(Content::BodyRoot(root)) => Hash::read(root),
        _ => None,
    }
}
