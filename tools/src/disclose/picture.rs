//! A picture that is shown: decoded, made small, and written anew, so that nothing but its pixels goes into a document.
//!
//! What a phone wrote beside them (place, device, a preview of what was cut away) stays out. A picture comes from a stranger:
//! its bytes, its width and height and what decoding takes are bounded before anything is allocated, and what does not decode is
//! named instead. Formats are told by their first bytes, never by a name.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage};
use std::io::Cursor;

/// Bytes of a file that is decoded.
pub(crate) const PICTURE_BYTES_MAX: u64 = 16 << 20;
/// Width and height of a picture that is decoded.
const SIDE_MAX: u32 = 12_000;
/// Bytes that decoding may take: 48 million pixels of four bytes.
const DECODED_BYTES_MAX: u64 = 192 << 20;
/// Longest side in a document: three hundred dots an inch over the width that it gets there.
const SHOWN_SIDE_MAX: u32 = 1_000;
const QUALITY: u8 = 80;

/// A picture as it goes into a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) image: krilla::image::Image,
    /// Width and height in points.
    pub(super) size: (f32, f32),
    /// What it is called, for who cannot see it.
    pub(super) name: String,
}

/// Widest and tallest in a document, in points.
const WIDTH_MAX: f32 = 240.0;
const HEIGHT_MAX: f32 = 240.0;

impl Picture {
    /// `None` if these bytes are no picture that can be shown.
    pub(super) fn of(bytes: &[u8], name: String) -> Option<Self> {
        let small = decoded(bytes)?;
        let (width, height) = small.dimensions();
        let mut jpeg = Vec::new();
        small.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY)).ok()?;
        let image = krilla::image::Image::from_jpeg(jpeg.into(), false).ok()?;
        let (wide, tall) = (width as f32 * 0.5, height as f32 * 0.5);
        let scale = (WIDTH_MAX / wide).min(HEIGHT_MAX / tall).min(1.0);
        Some(Self { image, size: (wide * scale, tall * scale), name })
    }
}

fn decoded(bytes: &[u8]) -> Option<RgbImage> {
    if bytes.len() as u64 > PICTURE_BYTES_MAX {
        return None;
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    if decoder.total_bytes() > DECODED_BYTES_MAX {
        return None;
    }
    let orientation = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    if picture.width().max(picture.height()) > SHOWN_SIDE_MAX {
        picture = picture.thumbnail(SHOWN_SIDE_MAX, SHOWN_SIDE_MAX);
    }
    picture.apply_orientation(orientation);
    Some(on_paper(&picture)).filter(|picture| picture.width() > 0 && picture.height() > 0)
}

/// What can be seen through is white beneath.
fn on_paper(picture: &DynamicImage) -> RgbImage {
    let seen = picture.to_rgba8();
    let mut paper = RgbImage::new(seen.width(), seen.height());
    for (paper, seen) in paper.pixels_mut().zip(seen.pixels()) {
        let [red, green, blue, alpha] = seen.0.map(u32::from);
        let over_white = |channel: u32| ((channel * alpha + 255 * (255 - alpha)) / 255) as u8;
        *paper = Rgb([over_white(red), over_white(green), over_white(blue)]);
    }
    paper
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgba, RgbaImage};

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbaImage::from_pixel(width, height, Rgba([200, 30, 30, 0]))
            .write_to(&mut bytes, ImageFormat::Png)
            .expect("a picture");
        bytes.into_inner()
    }

    #[test]
    fn a_picture_keeps_its_shape_in_bounds_and_nothing_shines_through() {
        let shown = Picture::of(&png(3_000, 1_000), "foto.png".into()).expect("a picture");
        assert_eq!(shown.size.0, WIDTH_MAX);
        assert!((shown.size.1 - WIDTH_MAX / 3.0).abs() < 1.0, "{:?}", shown.size);
        let pixels = decoded(&png(4, 4)).expect("pixels");
        assert!(pixels.pixels().all(|pixel| pixel.0 == [255, 255, 255]), "transparent is paper");
    }

    #[test]
    fn what_is_no_picture_or_too_large_a_one_is_not_shown() {
        assert_eq!(Picture::of(b"<svg xmlns='http://www.w3.org/2000/svg'/>", String::new()), None);
        assert_eq!(Picture::of(&[], String::new()), None);
        let half = png(100, 100);
        assert_eq!(Picture::of(&half[..half.len() / 2], String::new()), None);
        // A header that promises 60,000 × 60,000 pixels in a few bytes.
        let mut bomb = png(4, 4);
        bomb[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        assert_eq!(Picture::of(&bomb, String::new()), None);
    }

    #[test]
    fn what_a_phone_wrote_beside_the_pixels_stays_out() {
        let mut jpeg = Vec::new();
        let small = RgbImage::from_pixel(8, 8, Rgb([10, 20, 30]));
        small.write_with_encoder(JpegEncoder::new(&mut jpeg)).expect("a picture");
        let secret = b"52.0786N 4.3138E";
        let mut with_comment = jpeg[..2].to_vec();
        with_comment.extend([0xff, 0xfe, 0, 2 + secret.len() as u8]);
        with_comment.extend(secret);
        with_comment.extend(&jpeg[2..]);
        let mut anew = Vec::new();
        let pixels = decoded(&with_comment).expect("pixels");
        pixels.write_with_encoder(JpegEncoder::new_with_quality(&mut anew, QUALITY)).expect("a picture");
        assert!(!anew.windows(secret.len()).any(|window| window == secret));
    }
}
