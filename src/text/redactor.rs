//! The one writer between a pipe and a disk or screen: every known form of every secret becomes `[redacted:NAME]`.
//!
//! It does not know where secrets come from, and finds nothing that [`forms`] does not list. JOURNAL.md, "Redaction".

mod forms;
mod view;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use forms::{Forms, SHORTEST};
use view::{Skip, View};

/// A secret that is too short to be looked for without redacting ordinary words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret `{name}` has {length} bytes, expected at least {SHORTEST}; choose a longer one")]
pub struct ShortSecret {
    /// The name of the secret.
    pub name: String,
    /// Its length in bytes, without line breaks at its end.
    pub length: usize,
}

/// A stream of bytes on its way to a disk or screen. The same bytes give the same output in whatever chunks they come.
///
/// Colours inside a secret are read over, and line breaks inside base64 and hex. What could be the beginning of a
/// secret is held back until it is known, at most the longest form (and the colours in it).
pub struct Redactor {
    names: Arc<[String]>,
    search: Option<Arc<Search>>,
    buffer: Vec<u8>,
    /// Bytes at the start of the buffer for which a replacement has been written.
    replaced: usize,
    counts: BTreeMap<String, u64>,
    passed: Vec<u8>,
}

struct Search {
    all: Matcher,
    breakable: Matcher,
}

/// All forms of a kind, as an automaton for whole ones and sorted for beginnings.
struct Matcher {
    automaton: AhoCorasick,
    forms: Vec<Vec<u8>>,
    /// The secret that each form belongs to.
    secrets: Vec<usize>,
    longest: usize,
    first_bytes: [bool; 256],
}

/// A secret found in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    start: usize,
    end: usize,
    secret: usize,
}

/// Whether more bytes may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Open,
    Closed,
}

impl Redactor {
    /// A redactor for named secrets; the earlier of two equal ones gives the name.
    ///
    /// # Panics
    ///
    /// When the forms of all secrets together do not fit an automaton, which is at about 2 GiB.
    pub fn new(secrets: Vec<(String, Vec<u8>)>) -> Result<Self, ShortSecret> {
        let (mut all, mut breakable) = (BTreeMap::new(), BTreeMap::new());
        let mut names = Vec::new();
        for (name, secret) in secrets {
            let length = forms::trim_end(&secret).len();
            if length < SHORTEST {
                return Err(ShortSecret { name, length });
            }
            let forms = Forms::of(&secret);
            for form in &forms.breakable {
                breakable.entry(form.clone()).or_insert(names.len());
            }
            for form in forms.unbroken.into_iter().chain(forms.breakable) {
                if let Some(uncoloured) =
                    View::without(&form, Skip::Colours).filter(|view| view.bytes.len() >= SHORTEST)
                {
                    all.entry(uncoloured.bytes.into_owned()).or_insert(names.len());
                }
                all.entry(form).or_insert(names.len());
            }
            names.push(name);
        }
        let search = (!names.is_empty())
            .then(|| Arc::new(Search { all: Matcher::new(all), breakable: Matcher::new(breakable) }));
        let names = names.into();
        Ok(Self { names, search, buffer: Vec::new(), replaced: 0, counts: BTreeMap::new(), passed: Vec::new() })
    }

    /// A redactor for the same secrets, at the beginning of another stream. What it looks for is shared.
    #[must_use]
    pub fn fresh(&self) -> Self {
        let (names, search) = (Arc::clone(&self.names), self.search.clone());
        Self { names, search, buffer: Vec::new(), replaced: 0, counts: BTreeMap::new(), passed: Vec::new() }
    }

    /// A text as a whole.
    pub fn whole(&self, text: &str) -> String {
        let (mut stream, mut out) = (self.fresh(), Vec::with_capacity(text.len()));
        stream.push(text.as_bytes(), &mut out);
        stream.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Takes the next bytes and appends what is known to be no secret.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.search.is_none() {
            out.extend_from_slice(bytes);
        } else {
            self.buffer.extend_from_slice(bytes);
            self.scan(Stream::Open, out);
        }
    }

    /// As [`Self::push`], but without secrets the bytes themselves are handed on and nothing is copied.
    pub fn through<'a>(&'a mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.search.is_none() {
            return bytes;
        }
        let mut passed = std::mem::take(&mut self.passed);
        passed.clear();
        self.push(bytes, &mut passed);
        self.passed = passed;
        &self.passed
    }

    /// The stream ends: what was held back comes out.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.scan(Stream::Closed, out);
    }

    /// How often each secret was replaced; those that never were are missing.
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    fn scan(&mut self, stream: Stream, out: &mut Vec<u8>) {
        let Some(search) = self.search.clone() else { return };
        let buffer = std::mem::take(&mut self.buffer);
        let complete = match stream {
            Stream::Open => view::unfinished_colour(&buffer),
            Stream::Closed => buffer.len(),
        };
        let (found, undecided) = search.scan(&buffer, complete);
        let known = match stream {
            Stream::Open => view::not_inside_colour(&buffer, undecided),
            Stream::Closed => buffer.len(),
        };
        self.write(&buffer[..known], &found, out);
        self.buffer = buffer;
        self.buffer.drain(..known);
    }

    /// Writes bytes in which nothing can change any more. Secrets that overlap become one replacement, named after
    /// the one that starts first; where it reaches beyond, its end waits in `replaced`.
    fn write(&mut self, known: &[u8], found: &[Found], out: &mut Vec<u8>) {
        let mut end = self.replaced;
        for next in found {
            if next.start < end {
                end = end.max(next.end);
            } else if next.start < known.len() {
                out.extend_from_slice(&known[end..next.start]);
                let name = &self.names[next.secret];
                out.extend_from_slice(format!("[redacted:{name}]").as_bytes());
                *self.counts.entry(name.clone()).or_default() += 1;
                end = next.end;
            }
        }
        out.extend_from_slice(&known[end.min(known.len())..]);
        self.replaced = end.saturating_sub(known.len());
    }
}

impl Search {
    /// All secrets in the buffer, by their start, the longer first; and the first place from which on a secret could
    /// still begin. Behind `complete` stands the beginning of a colour.
    fn scan(&self, buffer: &[u8], complete: usize) -> (Vec<Found>, usize) {
        let mut found = Vec::new();
        let mut undecided = complete.min(self.all.scan(&View::whole(buffer), &mut found));
        let complete = &buffer[..complete];
        let uncoloured = View::without(complete, Skip::Colours);
        let shorter = || (complete.len() < buffer.len()).then(|| View::whole(complete));
        if let Some(view) = uncoloured.or_else(shorter) {
            undecided = undecided.min(self.all.scan(&view, &mut found));
        }
        if let Some(view) = View::without(complete, Skip::ColoursAndBreaks) {
            undecided = undecided.min(self.breakable.scan(&view, &mut found));
        }
        found.sort_unstable_by_key(|found| (found.start, std::cmp::Reverse(found.end), found.secret));
        (found, undecided)
    }
}

impl Matcher {
    fn new(forms: BTreeMap<Vec<u8>, usize>) -> Self {
        let (forms, secrets): (Vec<_>, Vec<_>) = forms.into_iter().unzip();
        // A DFA would be faster and, for a key file, as large as the memory of a small machine.
        let automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&forms)
            .expect("the forms of secrets fit an automaton");
        let mut first_bytes = [false; 256];
        for form in &forms {
            first_bytes[usize::from(form[0])] = true;
        }
        let longest = forms.iter().map(Vec::len).max().unwrap_or_default();
        Self { automaton, forms, secrets, longest, first_bytes }
    }

    /// Adds all forms in the view, and gives the place from which on one could still begin.
    fn scan(&self, view: &View<'_>, found: &mut Vec<Found>) -> usize {
        for form in self.automaton.find_overlapping_iter(view.bytes.as_ref()) {
            let (start, end) = (view.in_buffer(form.start()), view.in_buffer(form.end() - 1) + 1);
            found.push(Found { start, end, secret: self.secrets[form.pattern().as_usize()] });
        }
        view.in_buffer(self.beginning(&view.bytes))
    }

    /// Where the longest end of the text begins that a longer form begins with; its length if there is none.
    fn beginning(&self, text: &[u8]) -> usize {
        let from = (text.len() + 1).saturating_sub(self.longest);
        (from..text.len()).find(|at| self.is_beginning(&text[*at..])).unwrap_or(text.len())
    }

    fn is_beginning(&self, text: &[u8]) -> bool {
        self.first_bytes[usize::from(text[0])] && {
            let next = self.forms.partition_point(|form| form.as_slice() <= text);
            self.forms.get(next).is_some_and(|form| form.starts_with(text))
        }
    }
}

impl fmt::Debug for Redactor {
    /// Names only: a secret must not come out in a panic or a log.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Redactor")
            .field("names", &self.names)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
