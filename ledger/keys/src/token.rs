//! Keys in PKCS#11 tokens: found by label, used, and never taken out.
//!
//! A library is loaded and initialised once in a process, and stays until its end: PKCS#11 knows no other way.

use crate::{KeyUri, Passphrase};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// The name of the curve, as PKCS#11 2.40 tokens want it: PrintableString "edwards25519".
const CURVE: [u8; 14] = *b"\x13\x0cedwards25519";

/// Why a token does not do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// The library, a session, or a call of it.
    #[error("PKCS#11, {doing}: {reason}")]
    Call {
        /// What was tried.
        doing: &'static str,
        /// What the library says.
        reason: String,
    },
    /// The PIN is not that of the token.
    #[error("token {token:?} refuses the PIN: after some wrong ones it locks itself")]
    WrongPin {
        /// Label of the token.
        token: String,
    },
    /// None or several of that label.
    #[error("{found} tokens are labelled {token:?}, one is wanted")]
    Tokens {
        /// Label.
        token: String,
        /// How many.
        found: usize,
    },
    /// None or several of that label.
    #[error("token {token:?} has {found} Ed25519 keys labelled {object:?}, {wanted} wanted")]
    Keys {
        /// Label of the token.
        token: String,
        /// Label of the key.
        object: String,
        /// How many.
        found: usize,
        /// "one is" or "none is".
        wanted: &'static str,
    },
    /// A public half that does not read.
    #[error("the public half of {object:?} is no Ed25519 key")]
    PublicKey {
        /// Label of the key.
        object: String,
    },
}

fn failed(doing: &'static str) -> impl Fn(Error) -> TokenError {
    move |error| TokenError::Call { doing, reason: error.to_string() }
}

/// Libraries that this process has initialised.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

fn module(path: &Path) -> Result<Pkcs11, TokenError> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path).map_err(failed("loading the library"))?;
    let threads = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    module.initialize(threads).map_err(failed("initialising the library"))?;
    modules.insert(path.into(), module.clone());
    Ok(module)
}

/// The sessions of a process share one login.
fn session(uri: &KeyUri, pin: &Passphrase) -> Result<Session, TokenError> {
    let module = module(&uri.module)?;
    let slots = module.get_slots_with_initialized_token().map_err(failed("listing tokens"))?;
    let is_named = |slot: &cryptoki::slot::Slot| module.get_token_info(*slot).is_ok_and(|i| i.label() == uri.token);
    let found: Vec<_> = slots.into_iter().filter(is_named).collect();
    let [slot] = found[..] else {
        return Err(TokenError::Tokens { token: uri.token.clone(), found: found.len() });
    };
    let session = module.open_rw_session(slot).map_err(failed("opening a session"))?;
    match session.login(UserType::User, Some(&AuthPin::new(pin.expose().into()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange | RvError::PinLocked, _)) => {
            Err(TokenError::WrongPin { token: uri.token.clone() })
        }
        Err(other) => Err(failed("logging in")(other)),
    }
}

fn objects(session: &Session, uri: &KeyUri, class: ObjectClass) -> Result<Vec<ObjectHandle>, TokenError> {
    let label = Attribute::Label(uri.object.clone().into_bytes());
    let wanted = [Attribute::Class(class), Attribute::KeyType(KeyType::EC_EDWARDS), label];
    session.find_objects(&wanted).map_err(failed("finding the key"))
}

fn one(session: &Session, uri: &KeyUri, class: ObjectClass) -> Result<ObjectHandle, TokenError> {
    match objects(session, uri, class)?[..] {
        [object] => Ok(object),
        ref other => Err(many(uri, other.len(), "one is")),
    }
}

fn many(uri: &KeyUri, found: usize, wanted: &'static str) -> TokenError {
    TokenError::Keys { token: uri.token.clone(), object: uri.object.clone(), found, wanted }
}

/// The point of a public key: an OCTET STRING of it (2.40), or the bytes themselves (3.0).
fn public_half(session: &Session, uri: &KeyUri, object: ObjectHandle) -> Result<VerifyingKey, TokenError> {
    let attributes = session.get_attributes(object, &[AttributeType::EcPoint]).map_err(failed("reading the key"))?;
    let point = attributes.iter().find_map(|attribute| match attribute {
        Attribute::EcPoint(point) => point.strip_prefix(&[4, 32]).unwrap_or(point).try_into().ok(),
        _ => None,
    });
    let key = point.and_then(|point: [u8; 32]| VerifyingKey::from_bytes(&point).ok()).filter(|key| !key.is_weak());
    key.ok_or_else(|| TokenError::PublicKey { object: uri.object.clone() })
}

/// A private key in a token, with the session that uses it.
pub(crate) struct TokenKey {
    session: Mutex<Session>,
    key: ObjectHandle,
}

impl TokenKey {
    pub(crate) fn open(uri: &KeyUri, pin: &Passphrase) -> Result<(Self, VerifyingKey), TokenError> {
        let session = session(uri, pin)?;
        let public = one(&session, uri, ObjectClass::PUBLIC_KEY)?;
        let public = public_half(&session, uri, public)?;
        let key = one(&session, uri, ObjectClass::PRIVATE_KEY)?;
        Ok((Self { session: Mutex::new(session), key }, public))
    }

    /// Makes a key that can neither be read nor exported.
    pub(crate) fn generate(uri: &KeyUri, pin: &Passphrase) -> Result<VerifyingKey, TokenError> {
        let session = session(uri, pin)?;
        let found = objects(&session, uri, ObjectClass::PRIVATE_KEY)?.len();
        if found > 0 {
            return Err(many(uri, found, "none is"));
        }
        let label = || Attribute::Label(uri.object.clone().into_bytes());
        let public = [Attribute::Token(true), Attribute::Verify(true), Attribute::EcParams(CURVE.to_vec()), label()];
        let private = [
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            label(),
        ];
        let made = session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private);
        let (public, _) = made.map_err(failed("making a key"))?;
        public_half(&session, uri, public)
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; 64], TokenError> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
        let signature = session.sign(&pure, self.key, message).map_err(failed("signing"))?;
        let found = signature.len();
        let short = |_| TokenError::Call { doing: "signing", reason: format!("{found} bytes came back, wanted 64") };
        signature.try_into().map_err(short)
    }
}
