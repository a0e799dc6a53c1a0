//! XML as it is written here: elements, text, nothing else. Whatever a stranger wrote is text and stays text.

use zegel_verifier::bundle::plain::plain;

/// A document in the making.
pub(super) struct Xml {
    text: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// Begins with a root and its attributes, which are ours.
    pub(super) fn new(root: &'static str, attributes: &str) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}{attributes}>\n");
        Self { text, open: vec![root] }
    }

    fn indent(&mut self) {
        self.text.push_str(&"  ".repeat(self.open.len()));
    }

    /// An element with what `inside` writes.
    pub(super) fn element(&mut self, name: &'static str, inside: impl FnOnce(&mut Self)) {
        self.indent();
        self.text.push_str(&format!("<{name}>\n"));
        self.open.push(name);
        inside(self);
        self.open.pop();
        self.indent();
        self.text.push_str(&format!("</{name}>\n"));
    }

    /// An element with a text.
    pub(super) fn leaf(&mut self, name: &'static str, text: &str) {
        self.indent();
        self.text.push_str(&format!("<{name}>{}</{name}>\n", escaped(text)));
    }

    /// The document.
    pub(super) fn finish(mut self) -> String {
        for name in self.open.iter().rev() {
            self.text.push_str(&format!("</{name}>\n"));
        }
        self.text
    }
}

/// Text without markup, and without the characters that XML 1.0 does not have.
fn escaped(text: &str) -> String {
    let text = plain(&text.replace(['\n', '\r', '\t'], " "));
    let text = text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_whatever_it_holds() {
        let mut xml = Xml::new("a", "");
        xml.leaf("b", "</b><c x=\"1\">&amp;\u{0}\u{202e}\u{ffff}\n");
        let inside = "&lt;/b&gt;&lt;c x=&quot;1&quot;&gt;&amp;amp;\u{fffd}\u{fffd}\u{fffd} ";
        assert_eq!(xml.finish(), format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a>\n  <b>{inside}</b>\n</a>\n"));
    }
}
