//! URIs of keys in tokens (RFC 7512), as far as one key needs them.
//!
//! `pkcs11:token=zegel;object=log?module-path=/usr/lib/softhsm/libsofthsm2.so`: the token and the object by their labels, and
//! the library that speaks to it. A PIN stands in no URI: it is a passphrase and is looked for like one.

use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// How every such URI begins.
pub(crate) const SCHEME: &str = "pkcs11:";

/// Why a URI names no key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UriError {
    /// Not `pkcs11:name=value;…?name=value&…`.
    #[error("the URI of a key in a token is pkcs11:token=…;object=…?module-path=…")]
    Malformed,
    /// An attribute that is not known here, or stands twice.
    #[error("the attribute {name:?} is not understood in a URI of a key: token, object, type and module-path are")]
    Attribute {
        /// Its name.
        name: String,
    },
    /// One that must be there.
    #[error("the URI of a key in a token has no {name}")]
    Missing {
        /// Its name.
        name: &'static str,
    },
}

/// A key in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUri {
    /// Label of the token.
    pub token: String,
    /// Label of the key.
    pub object: String,
    /// The PKCS#11 library.
    pub module: PathBuf,
}

impl KeyUri {
    /// Reads a URI; one line feed at the end is not part of it.
    ///
    /// # Errors
    /// [`UriError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, UriError> {
        let text = std::str::from_utf8(bytes).map_err(|_| UriError::Malformed)?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let (path, query) =
            text.strip_prefix(SCHEME).and_then(|rest| rest.split_once('?')).ok_or(UriError::Malformed)?;
        let (mut token, mut object, mut module, mut kind) = (None, None, None, None);
        for part in path.split(';').chain(query.split('&')) {
            let (name, value) = part.split_once('=').ok_or(UriError::Malformed)?;
            let slot = match name {
                "token" => &mut token,
                "object" => &mut object,
                "module-path" => &mut module,
                "type" if value == "private" => &mut kind,
                _ => return Err(UriError::Attribute { name: name.into() }),
            };
            if slot.replace(decoded(value)?).is_some() {
                return Err(UriError::Attribute { name: name.into() });
            }
        }
        let wanted = |value: Option<String>, name| value.filter(|v| !v.is_empty()).ok_or(UriError::Missing { name });
        let (token, object) = (wanted(token, "token")?, wanted(object, "object")?);
        Ok(Self { token, object, module: wanted(module, "module-path")?.into() })
    }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (token, object, module) = (encoded(&self.token), encoded(&self.object), &self.module.to_string_lossy());
        write!(formatter, "{SCHEME}token={token};object={object}?module-path={}", encoded(module))
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let each = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(each).collect()
}

fn decoded(text: &str) -> Result<String, UriError> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        rest = more;
        if *first != b'%' {
            if !first.is_ascii_graphic() {
                return Err(UriError::Malformed);
            }
            bytes.push(*first);
            continue;
        }
        let digits = more.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok()).ok_or(UriError::Malformed)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| UriError::Malformed)?);
        rest = &more[2..];
    }
    String::from_utf8(bytes).map_err(|_| UriError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_reads_as_it_was_printed() {
        let uri = KeyUri { token: "Zegel & co".into(), object: "log;2026".into(), module: "/usr/lib/p11.so".into() };
        let text = uri.to_string();
        assert_eq!(text, "pkcs11:token=Zegel%20%26%20co;object=log%3B2026?module-path=/usr/lib/p11.so");
        assert_eq!(KeyUri::parse(format!("{text}\n").as_bytes()), Ok(uri.clone()));
        assert_eq!(KeyUri::parse(text.replace(";object", ";type=private;object").as_bytes()), Ok(uri));
    }

    #[test]
    fn what_is_not_understood_or_missing_is_refused() {
        let refused = |text: &str| KeyUri::parse(text.as_bytes()).map(|_| ());
        assert_eq!(refused("pkcs11:token=a;object=b"), Err(UriError::Malformed));
        assert_eq!(refused("pkcs12:token=a?module-path=m"), Err(UriError::Malformed));
        assert_eq!(refused("pkcs11:token=a%2;object=b?module-path=m"), Err(UriError::Malformed));
        assert_eq!(refused("pkcs11:token=a b;object=b?module-path=m"), Err(UriError::Malformed));
        for name in ["serial", "pin-value", "object"] {
            let text = format!("pkcs11:token=a;object=b;{name}=1?module-path=m");
            assert_eq!(refused(&text), Err(UriError::Attribute { name: name.into() }));
        }
        assert_eq!(refused("pkcs11:token=a?module-path=m"), Err(UriError::Missing { name: "object" }));
        assert_eq!(refused("pkcs11:token=a;object=?module-path=m"), Err(UriError::Missing { name: "object" }));
        assert_eq!(refused("pkcs11:token=a;object=b?type=private"), Err(UriError::Missing { name: "module-path" }));
    }
}
