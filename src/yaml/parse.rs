//! The events of the parser, built into a tree; built with a stack of its own, so that no depth is too deep for it.
//!
//! What can be skipped over (a duplicate key, a tag, an anchor) is reported and reading goes on, so that an author
//! sees all of it at once. The words about a file that is not YAML stand in `bites`,
//! those about what is left out of YAML in `refused`.

use granit_parser::{Event, Parser, ScalarStyle};

use super::limits::{MAX_DEPTH, MAX_FILE, MAX_NODES, file_too_large};
use super::node::{Entry, Key, Kind, Node, Places, Scalar, Style};
use super::places::places;
use super::{bites, characters, refused};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceFile, Span};

/// The tree of a file, and every problem that was found on the way. There is no tree where its shape cannot be known.
pub fn parse(file: &SourceFile) -> (Option<Node>, Vec<Diagnostic>) {
    let bytes = file.text().len() as u64;
    if bytes > MAX_FILE {
        return (None, vec![file_too_large(file.name(), bytes)]);
    }
    let diagnostics = characters::of_file(file);
    if characters::breaks_the_parser(file.text()) {
        return (None, diagnostics);
    }
    let mut builder = Builder { file, diagnostics, open: Vec::new(), root: None, nodes: 0, documents: 0, whole: true };
    if let Err(problem) = builder.read() {
        builder.diagnostics.push(*problem);
        return (None, builder.diagnostics);
    }
    let Builder { root, diagnostics, whole, .. } = builder;
    (root.filter(|_| whole), diagnostics)
}

/// A problem after which nothing more can be read.
type Stop = Box<Diagnostic>;

/// A collection whose end was not read yet.
enum Open {
    Sequence { span: Span, items: Vec<Node> },
    Mapping { span: Span, entries: Vec<Entry>, key: Option<Key> },
}

struct Builder<'a> {
    file: &'a SourceFile,
    diagnostics: Vec<Diagnostic>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    /// Whether every value is there: an alias leaves a hole.
    whole: bool,
}

impl Builder<'_> {
    fn read(&mut self) -> Result<(), Stop> {
        let options = granit_parser::options! {
            disallow_directives: true,
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let file = self.file;
        for next in Parser::new_from_str_with_options(file.text(), options) {
            match next {
                Ok((event, span)) => self.event(event, &span)?,
                Err(error) => return Err(Box::new(bites::syntax(file, &error))),
            }
        }
        if self.root.is_none() {
            let problem = Diagnostic::new(Code::Syntax, file, Span::default(), "the file is empty");
            return Err(Box::new(
                problem.help("the smallest runbook is: `locum: 1`, `title:`, and a list of steps under `repair:`"),
            ));
        }
        Ok(())
    }

    fn event(&mut self, event: Event, span: &granit_parser::Span) -> Result<(), Stop> {
        let at = self.span(span);
        if event.is_node() {
            self.node(at)?;
            if let Some(tag) = span.tag_span() {
                let tag = self.span(&tag);
                self.diagnostics.push(refused::tag(self.file, tag));
            }
        }
        match event {
            Event::Scalar(text, style, ..) => {
                self.scalar(&text, style, at);
                Ok(())
            }
            Event::SequenceStart(..) => self.begin(Open::Sequence { span: at, items: Vec::new() }, at),
            Event::MappingStart(..) => self.begin(Open::Mapping { span: at, entries: Vec::new(), key: None }, at),
            Event::SequenceEnd | Event::MappingEnd => {
                self.end(at);
                Ok(())
            }
            Event::Anchor(..) => {
                self.diagnostics.push(refused::anchor(self.file, at));
                Ok(())
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.whole = false;
                self.diagnostics.push(refused::anchor(self.file, at));
                let written = self.file.slice(at);
                self.scalar(written, ScalarStyle::Plain, at);
                Ok(())
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 { Err(Box::new(refused::second_document(self.file, at))) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let offset =
            |marker: &granit_parser::Marker| marker.byte_offset().unwrap_or_default().min(self.file.text().len());
        Span::new(offset(&span.start), offset(&span.end))
    }

    /// What holds for every value and key: there are not too many, and no tab indents them.
    fn node(&mut self, at: Span) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let problem =
                Diagnostic::new(Code::TooLarge, self.file, at, format!("more than {MAX_NODES} values in one file"));
            return Err(Box::new(problem.help("split the runbook; put data into files of their own")));
        }
        let text = self.file.text();
        let line = text[..at.start].rfind('\n').map_or(0, |at| at + 1);
        let before = &text[line..at.start];
        if let Some(tab) = before.find('\t')
            && before.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'-'))
            && self.diagnostics.last().is_none_or(|last| last.primary.span.start != line + tab)
        {
            self.diagnostics.push(refused::tab(self.file, line + tab));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, at: Span) {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        // The parser writes `~` for a value that is not there.
        let nothing = at.start == at.end && style == Style::Plain;
        let text = if nothing { "" } else { text };
        if let Some(Open::Mapping { key: key @ None, entries, .. }) = self.open.last_mut() {
            let first = entries.iter().find(|entry| entry.key.name == text);
            let problem = refused::key(self.file, text, style, at, first.map(|entry| entry.key.span));
            self.diagnostics.extend(problem);
            *key = Some(Key { name: text.to_owned(), span: at });
            return;
        }
        let source = self.file.text();
        let places = if nothing { Places(vec![(0, at.start)]) } else { places(source, at, text, style) };
        if style == Style::DoubleQuoted && source[at.start..at.end].contains('\\') {
            self.diagnostics.extend(characters::of_escapes(self.file, text, |range| places.span(range)));
        }
        let scalar = Scalar { text: text.to_owned(), style, places };
        self.push(Node { span: self.trimmed(at, style), kind: Kind::Scalar(scalar) });
    }

    /// A block scalar reaches to the end of its last line, not to the next value.
    fn trimmed(&self, at: Span, style: Style) -> Span {
        match style {
            Style::Literal | Style::Folded => {
                let text = &self.file.text()[at.start..at.end];
                Span::new(at.start, at.start + text.trim_end().len())
            }
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => at,
        }
    }

    fn begin(&mut self, collection: Open, at: Span) -> Result<(), Stop> {
        if let Some(Open::Mapping { key: None, .. }) = self.open.last() {
            return Err(Box::new(refused::key_not_text(self.file, at)));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(Box::new(refused::too_deep(self.file, at)));
        }
        self.open.push(collection);
        Ok(())
    }

    fn end(&mut self, at: Span) {
        let node = match self.open.pop().expect("the parser ends only what it began") {
            Open::Sequence { span, items } => {
                let end = items.last().map_or(span.end, |item| item.span.end);
                Node { span: span.to(Span::new(span.start, end_of(end, at))), kind: Kind::Sequence(items) }
            }
            Open::Mapping { span, entries, .. } => {
                let end = entries.last().map_or(span.end, |entry| entry.value.span.end.max(entry.key.span.end));
                Node { span: span.to(Span::new(span.start, end_of(end, at))), kind: Kind::Mapping(entries) }
            }
        };
        self.push(node);
    }

    fn push(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, .. }) => {
                let key = key.take().expect("a value comes after its key");
                entries.push(Entry { key, value: node });
            }
        }
    }
}

/// Where a collection ends: behind its bracket, or, in block style, where its last value ends.
fn end_of(last: usize, end: Span) -> usize {
    if end.start == end.end { last } else { end.end }
}
