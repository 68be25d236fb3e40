//! From a scalar's text back to the file: which byte of the text came from which byte of the source.
//!
//! The parser gives the text and where it was written; both are walked side by side. A byte that was made by an
//! escape maps to the escape's start, one that was made by folding to the break that was folded.

use super::node::{Places, Style};
use crate::source::Span;

/// The map of a scalar. `span` holds its quotes; for a block scalar it begins at the first character of its content.
pub(super) fn places(source: &str, span: Span, text: &str, style: Style) -> Places {
    let inner = match style {
        Style::SingleQuoted | Style::DoubleQuoted => Span::new(span.start + 1, span.end.saturating_sub(1)),
        Style::Plain | Style::Literal | Style::Folded => span,
    };
    if source.get(inner.start..inner.end) == Some(text) && !text.contains('\r') {
        return Places(vec![(0, inner.start)]);
    }
    let mut walk =
        Walk { source: source.as_bytes(), text: text.as_bytes(), at: inner.start, done: 0, entries: Vec::new() };
    let whole = match style {
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => walk.flow(inner.end, style),
        Style::Literal => walk.literal(),
        Style::Folded => walk.folded(),
    };
    debug_assert!(whole.is_some(), "{style:?} {:?} became {text:?}", source.get(span.start..span.end));
    Places(walk.entries)
}

/// Two positions: `at` in the source and `done` in the text.
struct Walk<'a> {
    source: &'a [u8],
    text: &'a [u8],
    at: usize,
    done: usize,
    entries: Vec<(usize, usize)>,
}

impl Walk<'_> {
    /// From here on both run in step, until the next entry.
    fn enter(&mut self) {
        let in_step = self.entries.last().is_some_and(|(text, file)| self.done - text + file == self.at);
        if !in_step && self.done < self.text.len() {
            self.entries.push((self.done, self.at));
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    /// Takes `count` bytes that are the same in both.
    fn same(&mut self, count: usize) -> Option<()> {
        let here = self.source.get(self.at..self.at + count)?;
        if self.text.get(self.done..self.done + count)? != here {
            return None;
        }
        self.enter();
        self.at += count;
        self.done += count;
        Some(())
    }

    /// Takes `from` bytes of the source that made `into` bytes of the text.
    fn made(&mut self, from: usize, into: usize) {
        if into > 0 {
            self.enter();
        }
        self.at += from;
        self.done += into;
    }

    fn flow(&mut self, end: usize, style: Style) -> Option<()> {
        while self.at < end {
            match self.peek()? {
                b' ' | b'\t' | b'\n' | b'\r' => self.blank(end)?,
                b'\\' if style == Style::DoubleQuoted => self.escape(end)?,
                b'\'' if style == Style::SingleQuoted => self.made(2, 1),
                _ => self.same(1)?,
            }
        }
        (self.done == self.text.len()).then_some(())
    }

    /// Blanks are text, unless a line ends in them.
    fn blank(&mut self, end: usize) -> Option<()> {
        let run =
            self.source[self.at..end].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        match breaks(&self.source[self.at..self.at + run]) {
            0 => self.same(run)?,
            1 => self.made(run, 1),
            more => self.made(run, more - 1),
        }
        Some(())
    }

    fn escape(&mut self, end: usize) -> Option<()> {
        let rest = &self.source[self.at + 1..end];
        let from = match rest.first()? {
            b'\n' | b'\r' => {
                let run = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
                self.made(1 + run, breaks(&rest[..run]).checked_sub(1)?);
                return Some(());
            }
            b'x' => 4,
            b'u' if is_high_surrogate(rest) => 12,
            b'u' => 6,
            b'U' => 10,
            _ => 2,
        };
        let into = std::str::from_utf8(&self.text[self.done..]).ok()?.chars().next()?.len_utf8();
        self.made(from, into);
        Some(())
    }

    /// The lines of a block scalar begin behind its indentation, which is where its content begins; returns it.
    /// Blank lines above are breaks of the text.
    fn block_start(&mut self) -> usize {
        let start = self.at;
        let line = self.source[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let blank = self.text.iter().take_while(|byte| **byte == b'\n').count();
        let breaks = self.source[..line].iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        let mut breaks: Vec<_> = breaks.take(blank).collect();
        breaks.reverse();
        for at in breaks {
            self.at = at;
            self.made(1, 1);
        }
        self.at = start;
        start - line
    }

    fn skip_indent(&mut self, indent: usize) {
        self.at += self.source[self.at..].iter().take(indent).take_while(|byte| **byte == b' ').count();
    }

    /// How many bytes are left on this line of the source.
    fn line(&self) -> usize {
        self.source[self.at..].iter().take_while(|byte| !matches!(byte, b'\n' | b'\r')).count()
    }

    fn skip_break(&mut self) {
        self.at += usize::from(self.peek() == Some(b'\r'));
        self.at += usize::from(self.peek() == Some(b'\n'));
    }

    fn literal(&mut self) -> Option<()> {
        let indent = self.block_start();
        while self.done < self.text.len() {
            let line = self.line();
            self.same(line)?;
            if self.done == self.text.len() {
                break;
            }
            if self.text[self.done] != b'\n' {
                return None;
            }
            self.at += usize::from(self.peek() == Some(b'\r'));
            self.made(1, 1);
            self.at = self.at.min(self.source.len());
            self.skip_indent(indent);
        }
        Some(())
    }

    fn folded(&mut self) -> Option<()> {
        let indent = self.block_start();
        let mut first = true;
        while self.done < self.text.len() {
            let line = self.line();
            if line > 0 {
                self.folds(first)?;
                self.same(line)?;
                first = false;
            } else if self.at >= self.source.len() {
                break;
            }
            self.skip_break();
            self.skip_indent(indent);
            if self.text[self.done..].iter().all(|byte| *byte == b'\n') {
                break;
            }
        }
        Some(())
    }

    /// What the breaks before this line became: newlines, or one space.
    fn folds(&mut self, first: bool) -> Option<()> {
        let here = self.peek()?;
        if first {
            return Some(());
        }
        let newlines = self.text[self.done..].iter().take_while(|byte| **byte == b'\n').count();
        if newlines > 0 {
            self.done += newlines;
        } else if self.text.get(self.done) == Some(&b' ') && !matches!(here, b' ' | b'\t') {
            self.done += 1;
        } else {
            return None;
        }
        Some(())
    }
}

/// How many lines end in a run of blanks.
fn breaks(blanks: &[u8]) -> usize {
    blanks.iter().map(|byte| usize::from(*byte == b'\n')).sum()
}

fn is_high_surrogate(escape: &[u8]) -> bool {
    let code = escape
        .get(1..5)
        .and_then(|hex| std::str::from_utf8(hex).ok())
        .and_then(|hex| u32::from_str_radix(hex, 16).ok());
    code.is_some_and(|code| (0xd800..0xdc00).contains(&code))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Kind, Node, parse};
    use crate::source::SourceFile;

    /// The words `w1`, `w2` … of all scalars; each stands once in the file, and the map must lead there.
    fn words_lead_home(source: &str, node: &Node) -> usize {
        match &node.kind {
            Kind::Scalar(scalar) => {
                let starts = scalar.text.match_indices('w').map(|(at, _)| at);
                let check = |at: usize| {
                    let digits = scalar.text[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
                    let word = &scalar.text[at..=at + digits];
                    let home = source.find(word).expect("every word comes from the file");
                    for byte in 0..word.len() {
                        assert_eq!(scalar.places.in_file(at + byte), home + byte, "`{word}` of {source:?}");
                    }
                };
                starts.map(check).count()
            }
            Kind::Sequence(items) => items.iter().map(|item| words_lead_home(source, item)).sum(),
            Kind::Mapping(entries) => entries.iter().map(|entry| words_lead_home(source, &entry.value)).sum(),
        }
    }

    #[test]
    fn each_style_leads_back_to_its_words() {
        for (source, words) in [
            ("a: w1 w2\n", 2),
            ("a: w1 åw2\n  w3\n\n  w4 # no\n", 4),
            ("a: 'w1 ''w2'' åw3\n\n  w4 '\n", 4),
            ("a: \"w1 \\n \\\"w2\\\" \\\n   w3 \\u00e5\\t w4 \\uD834\\uDD1E w5\n  w6\"\n", 6),
            ("a: \"w1\\\n\n   \\x41w2\\\n w3\"\n", 3),
            ("a: |\n\n\n  w1\n    w2\n\n  w3\n", 3),
            ("a: |2+ # c\n\n     w1\n  \n    w2\n\n", 2),
            ("a: >\n\n  w1\n\n  w2\n   w3\n   w4\n\n  w5\n  w6\n", 6),
            ("a: >-\n  w1\n  \tw2\n  w3\n", 3),
            ("\u{feff}a: åw1 åw2\r\nb: |\r\n  w3\r\n  w4\r\nc: >\r\n  w5\r\n  w6\r\n\r\n  w7\r\nd: w8\r\n  w9\r\n", 9),
        ] {
            let (tree, problems) = parse(&SourceFile::new("a.yaml", source));
            assert!(problems.is_empty(), "{source:?}: {}", problems[0].message);
            assert_eq!(words_lead_home(source, &tree.expect("no problems")), words, "{source:?}");
        }
    }

    #[test]
    fn newlines_of_a_literal_are_the_newlines_of_the_file() {
        let source = "a: |\r\n\r\n  x\r\n  y\r\n";
        let (tree, _) = parse(&SourceFile::new("a.yaml", source));
        let tree = tree.expect("it is YAML");
        let scalar = tree.get("a").and_then(|entry| entry.value.as_scalar()).expect("a text");
        for (at, byte) in scalar.text.bytes().enumerate() {
            assert_eq!(source.as_bytes()[scalar.places.in_file(at)], byte, "byte {at}");
        }
    }

    #[test]
    fn a_range_inside_a_command_has_its_span() {
        let source = "change: |\n  echo one\n  echo {{ two }}\n";
        let file = SourceFile::new("a.yaml", source);
        let tree = parse(&file).0.expect("it is YAML");
        let scalar = tree.get("change").and_then(|entry| entry.value.as_scalar()).expect("a text");
        let at = scalar.text.find("two").expect("it is there");
        assert_eq!(file.slice(scalar.places.span(at..at + 3)), "two");
    }

    /// One scalar in some style, made of words, blanks, breaks and escapes.
    fn scalar() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "w",
            "w",
            "w",
            " ",
            " ",
            "  ",
            "\n",
            "\n",
            "\n\n",
            "\n  ",
            "''",
            "\\n",
            "\\\n",
            "\t",
            "\\u00e9",
            "\\U0001F600",
            " #",
            "å",
            "-",
        ]);
        let style = prop::sample::select(vec![
            ("", ""),
            ("'", "'"),
            ("\"", "\""),
            ("|\n", "\n"),
            (">\n", "\n"),
            ("|2-\n", "\n"),
            (">+\n", "\n\n"),
        ]);
        (style, prop::collection::vec(piece, 1..12), 2..5usize).prop_map(|((open, close), pieces, indent)| {
            format!("{open}w{}{close}", pieces.concat()).replace('\n', &format!("\n{}", " ".repeat(indent)))
        })
    }

    /// Gives every `w` a number, so that each word stands once.
    fn numbered(source: &str) -> String {
        let parts = source.split('w').enumerate();
        parts
            .map(|(at, part)| if at == 0 { part.to_owned() } else { format!("w{at:03}é{part}") })
            .collect::<Vec<_>>()
            .concat()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_word_of_any_document_leads_back_to_itself(scalars in prop::collection::vec(scalar(), 1..4), windows in any::<bool>()) {
            let entries = scalars.iter().enumerate().map(|(at, scalar)| format!("k{at}: {scalar}\n")).collect::<Vec<_>>().concat();
            let source = numbered(&entries);
            let source = if windows { source.replace('\n', "\r\n") } else { source };
            if let (Some(tree), _) = parse(&SourceFile::new("a.yaml", source.as_str())) {
                prop_assert!(words_lead_home(&source, &tree) > 0);
            }
        }

        #[test]
        fn no_bytes_make_the_parser_panic(
            bytes in prop::collection::vec(prop_oneof![3 => prop::sample::select(b"ab:- \n\t'\"|>[]{}#&*!%,?\\~".to_vec()), 1 => any::<u8>()], 0..80),
        ) {
            let (file, _) = super::super::read_text("a.yaml", bytes);
            let (tree, problems) = parse(&file);
            prop_assert!(tree.is_some() || !problems.is_empty());
        }
    }
}
