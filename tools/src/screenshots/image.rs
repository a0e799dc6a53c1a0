//! What an image is, by its first bytes; names lie.

/// The media type, of the kinds that phones and desktops make.
pub(super) fn media_type(bytes: &[u8]) -> Option<&'static str> {
    let at = |from: usize, wanted: &[u8]| bytes.get(from..from + wanted.len()) == Some(wanted);
    let is_heic = at(4, b"ftyp") && [&b"heic"[..], b"heix", b"mif1", b"msf1", b"hevc"].iter().any(|brand| at(8, brand));
    Some(match () {
        () if at(0, b"\x89PNG\r\n\x1a\n") => "image/png",
        () if at(0, b"\xff\xd8\xff") => "image/jpeg",
        () if at(0, b"RIFF") && at(8, b"WEBP") => "image/webp",
        () if at(0, b"GIF87a") || at(0, b"GIF89a") => "image/gif",
        () if is_heic => "image/heic",
        () => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_what_its_first_bytes_say() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(media_type(b"\0\0\0\x18ftypheic"), Some("image/heic"));
        for refused in [&b""[..], b"\x89PN", b"%PDF-1.7", b"RIFF\0\0\0\0WAVE", b"PK\x03\x04"] {
            assert_eq!(media_type(refused), None);
        }
    }
}
