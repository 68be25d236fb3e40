//! The search index: what `elasticlunr.js` in the browser reads, equal to the one that mdBook makes.
//!
//! mdBook's own is built letter by letter, at more than half of the cost of a book. Here pages are counted in batches,
//! on all cores, and the tree of letters is written straight from the sorted words.

use std::fmt::Write as _;

use indexmap::IndexMap;
use rayon::prelude::*;
use serde_json::Value;

use super::SiteError;
use super::sections::{Section, sections};
use super::words::Stems;

/// What is indexed of a section, in the order of [`Entry::counts`].
const FIELDS: [&str; 3] = ["title", "body", "breadcrumbs"];

/// A page as the search sees it.
pub struct Source<'a> {
    /// Its name in the list of all pages.
    pub name: &'a str,
    /// Its address within the site.
    pub url: &'a str,
    /// What is drawn on it, without what all pages have.
    pub html: &'a str,
}

/// Pages that were counted together.
pub struct Batch {
    stems: Vec<String>,
    entries: Vec<Entry>,
}

struct Entry {
    url: String,
    section: Section,
    /// The number of a stem, and how often it is there; by field.
    counts: [Vec<(u32, u32)>; 3],
}

/// Counts the words of some pages.
pub fn batch(pages: &[Source]) -> Batch {
    let mut stems = Stems::default();
    let mut entries = Vec::new();
    for page in pages {
        for section in sections(page.name, page.html) {
            let counts = [&section.title, &section.body, &section.breadcrumbs].map(|text| stems.count(text));
            let mark = if section.id.is_empty() { "" } else { "#" };
            entries.push(Entry { url: format!("{}{mark}{}", page.url, section.id), section, counts });
        }
    }
    Batch { stems: stems.into_list(), entries }
}

/// The script that holds the index. `empty` is the one that mdBook writes for a book without text: it has all settings.
pub fn script(empty: &str, batches: &[Batch]) -> Result<String, SiteError> {
    let unlike = || SiteError::Draw("the search index of mdBook is not as expected".to_owned());
    let (before, rest) = empty.split_once("JSON.parse('").ok_or_else(unlike)?;
    let (json, after) = rest.rsplit_once("')").ok_or_else(unlike)?;
    let json = json.replace("\\'", "'").replace("\\\\", "\\");
    let Ok(Value::Object(settings)) = serde_json::from_str::<Value>(&json) else { return Err(unlike()) };
    let entries: Vec<&Entry> = batches.iter().flat_map(|batch| &batch.entries).collect();
    let mut out = format!("{before}JSON.parse('");
    object(settings.iter(), &mut out, |key, value, out| match (key, value) {
        ("doc_urls", _) => list(&entries, out),
        ("index", Value::Object(index)) => object(index.iter(), out, |key, value, out| match key {
            "index" => out.push_str(&inverted(batches)),
            "documentStore" => store(&entries, out),
            _ => text_of(value, out),
        }),
        _ => text_of(value, out),
    });
    let _ = write!(out, "'){after}");
    Ok(out)
}

/// An object, each of whose values is written by `value`.
fn object<'a>(
    entries: impl Iterator<Item = (&'a String, &'a Value)>,
    out: &mut String,
    value: impl Fn(&str, &Value, &mut String),
) {
    out.push('{');
    for (number, (key, inner)) in entries.enumerate() {
        if number > 0 {
            out.push(',');
        }
        string(key, out);
        out.push(':');
        value(key, inner, out);
    }
    out.push('}');
}

fn text_of(value: &Value, out: &mut String) {
    out.push_str(&value.to_string().replace('\\', "\\\\").replace('\'', "\\'"));
}

fn list(entries: &[&Entry], out: &mut String) {
    out.push('[');
    for (number, entry) in entries.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        string(&entry.url, out);
    }
    out.push(']');
}

/// The texts that a result shows.
fn store(entries: &[&Entry], out: &mut String) {
    let pieces: Vec<String> = entries.par_iter().enumerate().map(|(number, entry)| document(number, entry)).collect();
    let _ = write!(out, "{{\"save\":true,\"docs\":{{{}}},\"docInfo\":{{", pieces.join(","));
    for (number, entry) in entries.iter().enumerate() {
        let [title, body, crumbs] =
            entry.counts.each_ref().map(|counts| counts.iter().map(|(_, count)| count).sum::<u32>());
        let comma = if number > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\"{number}\":{{\"body\":{body},\"breadcrumbs\":{crumbs},\"title\":{title}}}");
    }
    let _ = write!(out, "}},\"length\":{}}}", entries.len());
}

fn document(number: usize, entry: &Entry) -> String {
    let mut out = format!("\"{number}\":{{\"body\":");
    string(&entry.section.body, &mut out);
    out.push_str(",\"breadcrumbs\":");
    string(&entry.section.breadcrumbs, &mut out);
    let _ = write!(out, ",\"id\":\"{number}\",\"title\":");
    string(&entry.section.title, &mut out);
    out.push('}');
    out
}

/// A word and where it is: the number of a document, and how often there.
type Word<'a> = (&'a str, Vec<(u32, u32)>);

fn inverted(batches: &[Batch]) -> String {
    let mut fields: Vec<(&str, String)> =
        FIELDS.par_iter().enumerate().map(|(field, name)| (*name, tree(&words(batches, field)))).collect();
    fields.sort_unstable();
    let fields: Vec<_> = fields.into_iter().map(|(name, tree)| format!("\"{name}\":{{\"root\":{tree}}}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// The words of a field, sorted.
fn words(batches: &[Batch], field: usize) -> Vec<Word<'_>> {
    let mut numbers: IndexMap<&str, usize> = IndexMap::new();
    let mut words: Vec<Word> = Vec::new();
    let mut document = 0;
    for batch in batches {
        let mut here: Vec<Option<usize>> = vec![None; batch.stems.len()];
        for entry in &batch.entries {
            for (stem, count) in &entry.counts[field] {
                let number = *here[*stem as usize].get_or_insert_with(|| {
                    let text = batch.stems[*stem as usize].as_str();
                    *numbers.entry(text).or_insert_with(|| {
                        words.push((text, Vec::new()));
                        words.len() - 1
                    })
                });
                words[number].1.push((document, *count));
            }
            document += 1;
        }
    }
    words.sort_unstable_by_key(|(text, _)| *text);
    words
}

/// The tree of letters; what begins with the same letter is written together, on any core.
fn tree(words: &[Word]) -> String {
    let letters: Vec<_> = words.chunk_by(|(one, _), (other, _)| one.chars().next() == other.chars().next()).collect();
    let below: Vec<String> = letters
        .par_iter()
        .map(|words| {
            let mut out = String::new();
            children(words, 0, &mut out);
            out
        })
        .collect();
    format!("{{\"docs\":{{}},\"df\":0{}}}", below.concat())
}

/// The branches of words that have the same first `depth` bytes, and more.
fn children(words: &[Word], depth: usize, out: &mut String) {
    let letter = |(text, _): &Word| text[depth..].chars().next();
    for same in words.chunk_by(|one, other| letter(one) == letter(other)) {
        let Some(next) = letter(&same[0]) else { continue };
        out.push(',');
        string(next.encode_utf8(&mut [0; 4]), out);
        out.push_str(":{\"docs\":{");
        let depth = depth + next.len_utf8();
        let ends = same[0].0.len() == depth;
        let documents: &[(u32, u32)] = if ends { &same[0].1 } else { &[] };
        for (number, (document, count)) in documents.iter().enumerate() {
            out.push_str(if number > 0 { ",\"" } else { "\"" });
            digits(*document, out);
            out.push_str("\":{\"tf\":");
            // Most words are there once.
            if *count == 1 {
                out.push_str("1.0");
            } else {
                let _ = write!(out, "{:?}", f64::from(*count).sqrt());
            }
            out.push('}');
        }
        let _ = write!(out, "}},\"df\":{}", documents.len());
        children(&same[usize::from(ends)..], depth, out);
        out.push('}');
    }
}

/// A number, at a third of what the general way costs: there is one for each word of each section.
fn digits(mut number: u32, out: &mut String) {
    let (mut buffer, mut at) = ([0; 10], 10);
    loop {
        at -= 1;
        buffer[at] = char::from_digit(number % 10, 10).expect("a digit") as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend(buffer[at..].iter().map(|digit| char::from(*digit)));
}

/// A text in JSON that stands in a text of JavaScript, in single quotes.
fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    let special = |letter: char| matches!(letter, '"' | '\\' | '\'' | '\0'..='\x1f');
    while let Some(at) = rest.find(special) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\\\""),
            b'\\' => out.push_str("\\\\\\\\"),
            b'\'' => out.push_str("\\'"),
            b'\n' => out.push_str("\\\\n"),
            control => drop(write!(out, "\\\\u{control:04x}")),
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = r#"window.x = f(JSON.parse('{"o":{"it\'s":"a\\"b"},"doc_urls":[],"index":{"fields":["title"],"index":{},"documentStore":{},"lang":"English"}}'));"#;

    /// The index as the browser reads it.
    fn read(script: &str) -> Value {
        let json = script.split_once("JSON.parse('").expect("a script").1.rsplit_once("')").expect("its end").0;
        serde_json::from_str(&json.replace("\\'", "'").replace("\\\\", "\\")).expect("JSON")
    }

    fn indexed(pages: &[(&str, &str, &str)]) -> Value {
        let batches: Vec<_> = pages.iter().map(|(name, url, html)| batch(&[Source { name, url, html }])).collect();
        read(&script(EMPTY, &batches).expect("a script"))
    }

    #[test]
    fn a_word_leads_to_its_documents() {
        let index =
            indexed(&[("A", "a.html", "<h1 id=\"x\">Tea</h1><p>ten tea tea</p>"), ("B", "b.html", "<p>tea</p>")]);
        assert_eq!(index["doc_urls"], serde_json::json!(["a.html#x", "b.html"]));
        let tea = &index["index"]["index"]["body"]["root"]["t"]["e"]["a"];
        assert_eq!(tea["df"], 2);
        assert_eq!(tea["docs"], serde_json::json!({ "0": { "tf": 2f64.sqrt() }, "1": { "tf": 1.0 } }));
        assert_eq!(index["index"]["index"]["body"]["root"]["t"]["e"]["n"]["df"], 1);
        assert_eq!(
            index["index"]["index"]["title"]["root"]["t"]["e"]["a"]["docs"],
            serde_json::json!({ "0": { "tf": 1.0 } })
        );
        assert_eq!(index["index"]["documentStore"]["docInfo"]["0"]["body"], 3);
        assert_eq!(index["index"]["documentStore"]["length"], 2);
    }

    #[test]
    fn any_letter_comes_back_as_it_was() {
        let text = "it's \"a\" b\\c\u{1} é";
        let index = indexed(&[("N", "n.html", &format!("<p>{text}</p>"))]);
        assert_eq!(index["index"]["documentStore"]["docs"]["0"]["body"], text);
    }

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 7, 10, 1234, u32::MAX] {
            let mut out = String::new();
            digits(number, &mut out);
            assert_eq!(out, number.to_string());
        }
    }

    #[test]
    fn settings_are_those_of_mdbook() {
        let index = indexed(&[]);
        assert_eq!(index["o"]["it's"], "a\"b");
        assert_eq!(index["index"]["lang"], "English");
        assert_eq!(index["index"]["index"]["body"]["root"]["df"], 0);
    }

    #[test]
    fn another_kind_of_index_is_an_error() {
        for empty in ["", "JSON.parse('')", "JSON.parse('[]')"] {
            assert!(matches!(script(empty, &[]), Err(SiteError::Draw(_))), "{empty}");
        }
    }
}
