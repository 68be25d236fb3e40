//! A secret in a stream, in every listed encoding, at any split: it never comes out, and nothing else goes.
//!
//! The encoders are written anew here, since those of the redactor cannot bear witness for themselves.

use std::fmt::Write as _;

use locum::text::Redactor;

/// Shortest secret that is looked for.
const SHORTEST: usize = 8;

/// What stands where a secret stood.
const REPLACED: &[u8] = b"[redacted:s]";

/// In the script, the byte before the number of a form.
const FORM: u8 = 0xfe;

/// An input: how long the chunks are, how long the secret is, the secret, and a script for the stream.
struct Case {
    chunk: usize,
    secret: Vec<u8>,
    stream: Vec<u8>,
}

/// A way in which a secret may be written.
struct Form {
    text: Vec<u8>,
    /// Base64 and hex are found with line breaks in them.
    breakable: bool,
}

pub fn judge(input: &[u8]) {
    let [chunk, length, rest @ ..] = input else { return };
    let (secret, script) = rest.split_at(rest.len().min(usize::from(*length % 48)));
    let secrets = vec![("s".to_owned(), secret.to_vec())];
    let Ok(redactor) = Redactor::new(secrets) else {
        assert!(trimmed(secret).len() < SHORTEST, "a long secret is refused");
        return;
    };
    let forms = forms(secret);
    let stream = played(script, &forms);
    let case = Case { chunk: usize::from(*chunk % 32) + 1, secret: secret.to_vec(), stream };

    let (out, count, held) = redacted(redactor.fresh(), &case.stream, usize::MAX);
    let pieces = redacted(redactor.fresh(), &case.stream, case.chunk);
    assert_eq!((&pieces.0, pieces.1), (&out, count), "chunks of {} give another text", case.chunk);
    assert_eq!(count == 0, out == case.stream, "a change is counted, and only a change");
    never_comes_out(&out, &forms);
    case.little_is_held_back(held.max(pieces.2), &forms);
    case.the_rest_stays(&out);
}

/// What comes out, how many secrets were in it, and how many bytes came out only at the end.
fn redacted(mut redactor: Redactor, stream: &[u8], chunk: usize) -> (Vec<u8>, u64, usize) {
    let mut out = Vec::new();
    for chunk in stream.chunks(chunk) {
        redactor.push(chunk, &mut out);
    }
    let before = out.len();
    redactor.finish(&mut out);
    (out.clone(), redactor.counts().values().sum(), out.len() - before)
}

/// The stream that a script makes: a byte is itself, after [`FORM`] it is the number of a form.
fn played(script: &[u8], forms: &[Form]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut bytes = script.iter();
    while let Some(byte) = bytes.next() {
        match (*byte == FORM).then(|| bytes.next()).flatten() {
            Some(number) => disturbed(&forms[usize::from(*number) % forms.len()], *number, &mut stream),
            None => stream.push(*byte),
        }
        if stream.len() > 4096 {
            break;
        }
    }
    stream
}

/// A form as a program may print it: as it is, with a colour in it, or with a line break where that is usual.
fn disturbed(form: &Form, number: u8, stream: &mut Vec<u8>) {
    let (front, back) = form.text.split_at(form.text.len() / 2);
    stream.extend(front);
    match number / 64 {
        1 => stream.extend(b"\x1b[1;31m"),
        2 if form.breakable => stream.extend(b"\r\n"),
        3 if form.breakable => stream.extend(b"\x1b[0m\n"),
        _ => {}
    }
    stream.extend(back);
}

impl Case {
    /// Without colours and line breaks, which are read over, less is held back than the longest form has.
    fn little_is_held_back(&self, held: usize, forms: &[Form]) {
        let longest = forms.iter().map(|form| form.text.len()).max().unwrap_or_default();
        if !self.stream.iter().any(|byte| b"\x1b\r\n".contains(byte)) {
            // Two replacements can be longer than what they replace.
            assert!(held <= 2 * longest, "{held} bytes were held back, and the longest form has {longest}");
        }
    }

    /// What stands between two replacements stood in the stream, in this order; and a secret is no short word.
    fn the_rest_stays(&self, out: &[u8]) {
        // A stream or a secret that itself speaks of replacements says nothing here.
        if holds(&self.stream, b"[redacted") || holds(&self.secret, b"redacted") {
            return;
        }
        let parts: Vec<_> = split(out, REPLACED).collect();
        let kept: usize = parts.iter().map(|part| part.len()).sum();
        assert!(
            kept + SHORTEST * usize::from(parts.len() > 1) <= self.stream.len(),
            "less than a secret was taken out"
        );
        assert!(self.stream.starts_with(parts[0]) && self.stream.ends_with(parts[parts.len() - 1]));
        let mut rest = self.stream.as_slice();
        for part in parts {
            let at = (0..=rest.len() - part.len().min(rest.len())).find(|at| rest[*at..].starts_with(part));
            rest = &rest[at.expect("what is not replaced stands in the stream, in order") + part.len()..];
        }
    }
}

/// No form stands in what came out; not with colours in it either, nor with line breaks where that is usual.
fn never_comes_out(out: &[u8], forms: &[Form]) {
    for part in split(out, REPLACED) {
        let plain = without_colours(part);
        let joined: Vec<u8> = plain.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
        for Form { text, breakable } in forms {
            assert!(!holds(part, text), "{:?} in {:?}", lossy(text), lossy(part));
            let reads_over = longest_colours(part) <= 256;
            assert!(!reads_over || !holds(&plain, text), "{:?} between colours in {:?}", lossy(text), lossy(part));
            let unbroken = !breakable || has_empty_line(&plain);
            assert!(
                !reads_over || unbroken || !holds(&joined, text),
                "{:?} over lines in {:?}",
                lossy(text),
                lossy(part)
            );
        }
    }
}

/// The secret and its lines in every listed encoding, each at least eight bytes long.
fn forms(secret: &[u8]) -> Vec<Form> {
    let whole = trimmed(secret);
    let lines = whole.split(|byte| *byte == b'\n').map(trimmed);
    let mut forms = Vec::new();
    for piece in [whole].into_iter().chain(lines.filter(|line| !line.starts_with(b"-----"))) {
        if piece.len() < SHORTEST {
            continue;
        }
        let hex = |upper: bool| piece.iter().map(|byte| hex_pair(*byte, upper)).collect::<String>();
        let mut breakable = vec![hex(false), hex(true)];
        for offset in 0..3 {
            let digits = base64(piece, offset);
            breakable.push(digits.replace('+', "-").replace('/', "_"));
            breakable.push(digits);
        }
        forms.extend(breakable.into_iter().map(|text| Form { text: text.into_bytes(), breakable: true }));
        let mut unbroken = vec![piece.to_vec(), percent(piece, false), percent(piece, true)];
        if let Ok(text) = std::str::from_utf8(piece) {
            unbroken.push(json(text));
            unbroken.push(text.replace('\'', r"'\''").into_bytes());
            let xml = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            unbroken.push(xml.replace('"', "&quot;").into_bytes());
            unbroken.push(xml.replace('"', "&quot;").replace('\'', "&#39;").into_bytes());
        }
        forms.extend(unbroken.into_iter().map(|text| Form { text, breakable: false }));
    }
    forms
}

/// The secret without the line breaks at its end.
fn trimmed(mut secret: &[u8]) -> &[u8] {
    while let [front @ .., b'\n' | b'\r'] = secret {
        secret = front;
    }
    secret
}

fn hex_pair(byte: u8, upper: bool) -> String {
    if upper { format!("{byte:02X}") } else { format!("{byte:02x}") }
}

/// The digits that depend on the secret alone, where `offset` bytes of something else stand before it.
fn base64(piece: &[u8], offset: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = vec![0; offset * 8];
    bits.extend(piece.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)));
    let sextets = bits.chunks_exact(6).skip((offset * 8).div_ceil(6));
    sextets.map(|bits| char::from(DIGITS[bits.iter().fold(0, |sum, bit| sum * 2 + usize::from(*bit))])).collect()
}

/// As a component of an address, or with every byte encoded.
fn percent(piece: &[u8], all: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in piece {
        if !all && (byte.is_ascii_alphanumeric() || b"-_.~".contains(byte)) {
            text.push(*byte);
        } else {
            text.extend(format!("%{}", hex_pair(*byte, true)).bytes());
        }
    }
    text
}

/// The inside of a JSON string, as short as the standard allows.
fn json(text: &str) -> Vec<u8> {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => write!(out, "\\u{:04x}", u32::from(letter)).expect("a String takes everything"),
            _ => out.push(letter),
        }
    }
    out.into_bytes()
}

/// The length of a colour at the beginning, at most 64 bytes; 0 if there is none.
fn colour(bytes: &[u8]) -> usize {
    let Some(rest) = bytes.strip_prefix(b"\x1b[") else { return 0 };
    let parameters = rest.iter().take_while(|byte| byte.is_ascii_digit() || b";:".contains(byte)).count();
    if parameters <= 61 && rest.get(parameters) == Some(&b'm') { parameters + 3 } else { 0 }
}

fn without_colours(mut bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let Some(first) = bytes.first() {
        match colour(bytes) {
            0 => {
                plain.push(*first);
                bytes = &bytes[1..];
            }
            length => bytes = &bytes[length..],
        }
    }
    plain
}

/// The most bytes of colours that stand together, or with nothing but line breaks between them.
fn longest_colours(mut bytes: &[u8]) -> usize {
    let (mut longest, mut here) = (0, 0);
    while let Some(first) = bytes.first() {
        let length = colour(bytes);
        here = if length > 0 || b"\r\n".contains(first) { here + length } else { 0 };
        longest = longest.max(here);
        bytes = &bytes[length.max(1)..];
    }
    longest
}

/// Two line breaks together end a text in base64 or hex.
fn has_empty_line(plain: &[u8]) -> bool {
    ["\n\n", "\n\r", "\r\r", "\r\n\n", "\r\n\r"].iter().any(|breaks| holds(plain, breaks.as_bytes()))
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn split<'a>(mut bytes: &'a [u8], by: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut parts = Vec::new();
    while let Some(at) = bytes.windows(by.len()).position(|window| window == by) {
        parts.push(&bytes[..at]);
        bytes = &bytes[at + by.len()..];
    }
    parts.push(bytes);
    parts.into_iter()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
