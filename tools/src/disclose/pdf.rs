//! A document as PDF/A-2a: text, black bars with the ground in them, and nothing beneath.
//!
//! Invariants: what is covered never came this far, so no glyph, width, metadata or removed object can tell it; the same
//! bundle gives the same bytes; no script, link, form or attachment is in it, and of a picture its pixels only. Memory: one
//! document with its pictures.

use super::DisclosureError;
use super::font::{Fonts, Way, Weight};
use super::layout::{BAR_PADDING, Paragraph, Piece, Placed, Role, rows};
use super::picture::Picture;
use krilla::color::luma;
use krilla::configure::{Configuration, Validator};
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{ArtifactType, ContentTag, SpanTag, Tag, TagGroup, TagTree};
use krilla::{Document, SerializeSettings};
use std::num::NonZeroU16;
use zegel_verifier::bundle::calendar::Moment;

/// A4, in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 56.0;
const FOOT: f32 = 70.0;
const COLUMN: f32 = PAGE.0 - 2.0 * MARGIN;

/// What a file says of itself.
pub(super) struct About {
    pub(super) title: String,
    /// Milliseconds since 1970: when the bundle was signed.
    pub(super) made_ms: u64,
    /// At the foot of every page.
    pub(super) foot: String,
}

/// Rows of one paragraph, with the number of the paragraph.
struct Row {
    paragraph: usize,
    role: Role,
    /// From the top of the page to the foot of the letters.
    y: f32,
    placed: Vec<Placed>,
}

/// Prints a document.
pub(super) fn print(about: &About, paragraphs: &[Paragraph], fonts: &Fonts) -> Result<Vec<u8>, DisclosureError> {
    let pages = paginate(paragraphs, fonts);
    let configuration = Configuration::new_with_validator(Validator::A2_A);
    let settings = SerializeSettings { configuration, enable_tagging: true, ..SerializeSettings::default() };
    let mut document = Document::new_with(settings);
    document.set_metadata(metadata(about));
    let mut groups: Vec<TagGroup> = paragraphs.iter().map(group).collect();
    let count = pages.len();
    for (number, page) in pages.into_iter().enumerate() {
        let settings = PageSettings::from_wh(PAGE.0, PAGE.1).ok_or(DisclosureError::Page)?;
        let mut page_of = document.start_page_with(settings);
        let mut surface = page_of.surface();
        for row in &page {
            row.draw(&mut surface, fonts, &mut groups[row.paragraph]);
        }
        foot(&mut surface, fonts, &about.foot, (number + 1, count));
        surface.finish();
        page_of.finish();
    }
    let mut tree = TagTree::new().with_lang(Some("nl".into()));
    groups.into_iter().filter(|group| !group.children.is_empty()).for_each(|group| tree.push(group));
    document.set_tag_tree(tree);
    document.finish().map_err(|reason| DisclosureError::Pdf { reason: format!("{reason:?}") })
}

fn metadata(about: &About) -> Metadata {
    let at = Moment::at(about.made_ms);
    let (hour, minute, second) = at.clock();
    let date = DateTime::new(at.year as u16).month(at.month as u8).day(at.day as u8);
    let date = date.hour(hour as u8).minute(minute as u8).second(second as u8).utc_offset_hour(0).utc_offset_minute(0);
    Metadata::new()
        .title(about.title.clone())
        .language("nl".into())
        .creator("zegel disclose".into())
        .producer(concat!("zegel ", env!("CARGO_PKG_VERSION")).into())
        .document_id(about.title.clone() + &about.foot)
        .creation_date(date)
}

fn group(paragraph: &Paragraph) -> TagGroup {
    match paragraph.role {
        Role::Title => TagGroup::new(Tag::Hn(NonZeroU16::MIN, None)),
        Role::Text | Role::Remark => TagGroup::new(Tag::P),
    }
}

/// Puts rows on pages, from the top; a page that is full is followed by the next.
fn paginate(paragraphs: &[Paragraph], fonts: &Fonts) -> Vec<Vec<Row>> {
    let mut pages = vec![Vec::new()];
    let mut y = MARGIN;
    for (number, paragraph) in paragraphs.iter().enumerate() {
        let role = paragraph.role;
        y += role.before();
        for row in rows(paragraph, fonts, COLUMN) {
            if y + row.height > PAGE.1 - FOOT {
                pages.push(Vec::new());
                y = MARGIN;
            }
            y += row.height;
            if let Some(page) = pages.last_mut().filter(|_| !row.placed.is_empty()) {
                page.push(Row { paragraph: number, role, y, placed: row.placed });
            }
        }
    }
    pages
}

impl Row {
    fn draw(&self, surface: &mut Surface<'_>, fonts: &Fonts, group: &mut TagGroup) {
        let size = self.role.size();
        for placed in &self.placed {
            let at = (MARGIN + placed.x, self.y);
            match &placed.piece {
                Piece::Words(words, weight) => {
                    group.push(surface.start_tagged(ContentTag::Span(SpanTag::empty())));
                    write(surface, fonts, (words, *weight, placed.way), at, size);
                }
                Piece::Picture(picture) => {
                    let tag = SpanTag::empty().with_alt_text(Some(&picture.name));
                    group.push(surface.start_tagged(ContentTag::Span(tag)));
                    draw(surface, picture, at);
                }
                Piece::Bar(label) => {
                    let told = format!("gelakt: {label}");
                    let tag = SpanTag::empty().with_alt_text(Some(&told));
                    group.push(surface.start_tagged(ContentTag::Span(tag)));
                    bar(surface, at, (placed.width, size));
                    surface.set_fill(Some(grey(255)));
                    write(
                        surface,
                        fonts,
                        (label, Weight::Regular, Way::Right),
                        (at.0 + BAR_PADDING, at.1),
                        size * 0.92,
                    );
                    surface.set_fill(None);
                }
            }
            surface.end_tagged();
        }
    }
}

fn grey(lightness: u8) -> Fill {
    Fill { paint: luma::Color::new(lightness).into(), ..Fill::default() }
}

/// A black box around letters that stand at a place.
fn bar(surface: &mut Surface<'_>, at: (f32, f32), (width, size): (f32, f32)) {
    let Some(rect) = Rect::from_xywh(at.0, at.1 - size * 0.95, width, size * 1.25) else { return };
    let mut path = PathBuilder::new();
    path.push_rect(rect);
    if let Some(path) = path.finish() {
        surface.set_fill(Some(grey(0)));
        surface.draw_path(&path);
    }
}

/// A picture above the line at a place.
fn draw(surface: &mut Surface<'_>, picture: &Picture, at: (f32, f32)) {
    let (width, height) = picture.size;
    let Some(size) = Size::from_wh(width, height) else { return };
    surface.push_transform(&Transform::from_translate(at.0, at.1 - height));
    surface.draw_image(picture.image.clone(), size);
    surface.pop();
}

fn write(
    surface: &mut Surface<'_>,
    fonts: &Fonts,
    (words, weight, way): (&str, Weight, Way),
    at: (f32, f32),
    size: f32,
) {
    let mut x = at.0;
    for run in fonts.runs(words, weight, way) {
        surface.draw_glyphs(Point::from_xy(x, at.1), &run.glyphs, run.font, &run.text, size, false);
        x += run.width * size;
    }
}

fn foot(surface: &mut Surface<'_>, fonts: &Fonts, words: &str, (number, count): (usize, usize)) {
    surface.start_tagged(ContentTag::Artifact(ArtifactType::Other));
    let size = 7.0;
    write(surface, fonts, (words, Weight::Regular, Way::Right), (MARGIN, PAGE.1 - 40.0), size);
    let page = format!("{number} / {count}");
    let x = PAGE.0 - MARGIN - fonts.width(&page, Weight::Regular, Way::Right) * size;
    write(surface, fonts, (&page, Weight::Regular, Way::Right), (x, PAGE.1 - 28.0), size);
    surface.end_tagged();
}
