//! Any bytes, in any chunks: what comes out of the sanitizer is text and harmless colours, and all of it.

use locum::text::{Colours, Sanitizer, plain, plain_lines};

/// Longer than anything the sanitizer may take for a sequence that has not ended yet.
const LONGER_THAN_ANY_SEQUENCE: usize = 8 * 1024;

/// The first byte says how long the chunks are, the rest is the stream.
pub fn judge(input: &[u8]) {
    let Some((seed, stream)) = input.split_first() else { return };
    let kept = sanitized(Colours::Keep, stream, stream.len().max(1));
    let dropped = sanitized(Colours::Drop, stream, stream.len().max(1));

    let size = usize::from(*seed % 16) + 1;
    assert_eq!(sanitized(Colours::Keep, stream, size), kept, "chunks of {size} give another text");
    assert_eq!(without_colours(&kept), dropped, "dropping colours is more than taking them out");
    assert_eq!(
        sanitized(Colours::Keep, kept.as_bytes(), kept.len().max(1)),
        kept,
        "what came out once is changed again"
    );
    // `\x1b` for one byte is the longest that one byte becomes, and the reset at the end has four.
    assert!(kept.len() <= 4 * stream.len() + 4, "{} bytes became {}", stream.len(), kept.len());
    nothing_is_swallowed(stream);
    lines_are_lines(stream);
}

fn sanitized(colours: Colours, stream: &[u8], size: usize) -> String {
    let (mut sanitizer, mut out) = (Sanitizer::new(colours), String::new());
    for chunk in stream.chunks(size) {
        sanitizer.push(chunk, &mut out);
    }
    sanitizer.finish(&mut out);
    out
}

/// The text between the colours, each of which is looked at.
fn without_colours(out: &str) -> String {
    let mut text = String::new();
    let mut parts = out.split('\x1b');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (parameters, rest) = part
            .strip_prefix('[')
            .and_then(|part| part.split_once('m'))
            .filter(|(parameters, _)| parameters.chars().all(|c| c.is_ascii_digit() || ";:".contains(c)))
            .unwrap_or_else(|| panic!("a control sequence that is no colour came out: {part:?}"));
        assert!(parameters.len() <= 61, "a colour without an end: {parameters:?}");
        assert!(!conceals(parameters), "text is concealed: {parameters:?}");
        text.push_str(rest);
    }
    for letter in text.chars() {
        assert!(letter == '\n' || letter == '\t' || !letter.is_control(), "{letter:?} came out");
        assert!(!turns_or_hides(letter), "{letter:?} came out");
    }
    text
}

/// Whether a terminal would conceal what follows: an 8 that is no part of a colour.
fn conceals(parameters: &str) -> bool {
    let numbers: Vec<Option<u32>> =
        parameters.split(';').map(|number| number.split(':').next().unwrap_or_default().parse().ok()).collect();
    let mut at = 0;
    while at < numbers.len() {
        let whole = parameters.split(';').nth(at).unwrap_or_default();
        at += match (numbers[at], numbers.get(at + 1)) {
            (Some(8), _) => return true,
            (Some(38 | 48 | 58), Some(Some(5))) if !whole.contains(':') => 3,
            (Some(38 | 48 | 58), Some(Some(2))) if !whole.contains(':') => 5,
            _ => 1,
        };
    }
    false
}

/// The worst of Unicode: what reverses a line or stands in it unseen.
fn turns_or_hides(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0001}'..='\u{e007f}')
}

/// Whatever has begun, text that goes on long enough is shown before the stream ends.
fn nothing_is_swallowed(stream: &[u8]) {
    let (mut sanitizer, mut out) = (Sanitizer::new(Colours::Keep), String::new());
    sanitizer.push(stream, &mut out);
    sanitizer.push("z".repeat(LONGER_THAN_ANY_SEQUENCE).as_bytes(), &mut out);
    assert!(out.ends_with("zzzz"), "the text is still held back: {:?}", &out[..out.len().min(100)]);
}

fn lines_are_lines(stream: &[u8]) {
    let text = String::from_utf8_lossy(stream);
    let lines = plain_lines(&text);
    assert_eq!(without_colours(&lines), lines, "a colour in a text without colours");
    let line = plain(&text);
    assert!(!line.contains(['\n', '\t', '\x1b']), "a title of more than one line: {line:?}");
}
