//! The forms in which one secret may stand in output: itself, its lines, and the common encodings of both.
//!
//! Encoders differ in what they leave alone, so most encodings have several variants. Not covered, and said so in the
//! manual: reversed, encrypted, compressed, spaced out.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Shortest secret that is looked for, in bytes; shorter ones would redact ordinary words.
pub const SHORTEST: usize = 8;

/// What the redactor looks for on behalf of one secret.
#[derive(Default)]
pub struct Forms {
    /// Found as they stand.
    pub unbroken: BTreeSet<Vec<u8>>,
    /// Base64 and hex: found also with line breaks inside.
    pub breakable: BTreeSet<Vec<u8>>,
}

impl Forms {
    /// All forms of a secret and of each of its lines that is long enough.
    pub fn of(secret: &[u8]) -> Self {
        let mut forms = Self::default();
        for piece in pieces(secret) {
            forms.breakable.extend(base64(piece));
            forms.breakable.extend([hex(piece, "0123456789abcdef"), hex(piece, "0123456789ABCDEF")]);
            forms.unbroken.extend(percent(piece));
            if let Ok(text) = std::str::from_utf8(piece) {
                let texts = json(text).into_iter().chain(shell(text)).chain(xml(text));
                forms.unbroken.extend(texts.map(String::into_bytes));
            }
            forms.unbroken.insert(piece.to_vec());
        }
        forms
    }
}

/// The secret without its last line breaks, and its lines. The frame of a PEM file is no secret.
fn pieces(secret: &[u8]) -> BTreeSet<&[u8]> {
    let whole = trim_end(secret);
    let lines = whole.split(|byte| *byte == b'\n').map(trim_end);
    let long = lines.filter(|line| line.len() >= SHORTEST && !line.starts_with(b"-----"));
    std::iter::once(whole).chain(long).collect()
}

/// A secret as it is compared: line breaks at its end are those of the file it stood in.
pub fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |at| at + 1);
    &bytes[..end]
}

/// Both alphabets, at each of the three offsets that a secret can have in a longer text, without the characters that
/// depend on its neighbours; and with the last character, for a secret at the very end.
fn base64(piece: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for alphabet in [*b"+/", *b"-_"] {
        for offset in 0..3 {
            let bits = (offset + piece.len()) * 8;
            let encoded = base64_digits(piece, offset, alphabet);
            let first = (offset * 8).div_ceil(6);
            forms.push(encoded[first..bits / 6].to_vec());
            forms.push(encoded[first..].to_vec());
        }
    }
    forms
}

/// The digits of `offset` zero bytes and the piece, without padding.
fn base64_digits(piece: &[u8], offset: usize, last_two: [u8; 2]) -> Vec<u8> {
    let bytes: Vec<_> = std::iter::repeat_n(0, offset).chain(piece.iter().copied()).collect();
    let digit = |value: u32| match u8::try_from(value & 63).expect("six bits") {
        value @ 0..26 => b'A' + value,
        value @ 26..52 => b'a' + value - 26,
        value @ 52..62 => b'0' + value - 52,
        value => last_two[usize::from(value) - 62],
    };
    let mut digits = Vec::with_capacity(bytes.len() * 4 / 3 + 1);
    for chunk in bytes.chunks(3) {
        let padded = [0, 1, 2].map(|at| u32::from(chunk.get(at).copied().unwrap_or_default()));
        let word = padded[0] << 16 | padded[1] << 8 | padded[2];
        digits.extend([18, 12, 6, 0].iter().take(chunk.len() + 1).map(|shift| digit(word >> shift)));
    }
    digits
}

fn hex(piece: &[u8], digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes();
    piece.iter().flat_map(|byte| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]).collect()
}

/// Percent-encoding as RFC 3986, JavaScript, Python, HTML forms and over-careful encoders do it.
fn percent(piece: &[u8]) -> Vec<Vec<u8>> {
    const KEPT: [(&str, &str); 7] = [
        ("-_.~", "%20"),
        ("-_.~/", "%20"),
        ("-_.~!'()*", "%20"),
        ("-_.~!'()*;/?:@&=+$,#", "%20"),
        ("-_.~", "+"),
        ("-_.*", "+"),
        ("%", "%20"),
    ];
    let mut forms = Vec::new();
    for (kept, space) in KEPT {
        for digits in ["0123456789abcdef", "0123456789ABCDEF"] {
            let mut form = Vec::with_capacity(piece.len() * 3);
            for byte in piece {
                match byte {
                    b' ' => form.extend(space.bytes()),
                    // The row that keeps `%` stands for encoders that leave nothing alone.
                    _ if kept != "%" && (byte.is_ascii_alphanumeric() || kept.as_bytes().contains(byte)) => {
                        form.push(*byte);
                    }
                    _ => {
                        form.push(b'%');
                        form.extend(hex(&[*byte], digits));
                    }
                }
            }
            forms.push(form);
        }
    }
    forms
}

/// Inside a JSON string: as short as possible, with `\/` (PHP), with `\u003c` (Go), in ASCII (Python).
fn json(text: &str) -> Vec<String> {
    let escape = |special: fn(char) -> bool| {
        let mut form = String::new();
        for letter in text.chars() {
            match letter {
                '"' | '\\' => form.extend(['\\', letter]),
                '\n' => form.push_str("\\n"),
                '\r' => form.push_str("\\r"),
                '\t' => form.push_str("\\t"),
                '\x08' => form.push_str("\\b"),
                '\x0c' => form.push_str("\\f"),
                '/' if special('/') => form.push_str("\\/"),
                _ if letter < ' ' || special(letter) => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        write!(form, "\\u{unit:04x}").expect("a String takes everything");
                    }
                }
                _ => form.push(letter),
            }
        }
        form
    };
    vec![
        escape(|_| false),
        escape(|letter| letter == '/'),
        escape(|letter| matches!(letter, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')),
        escape(|letter| letter > '~'),
    ]
}

/// Inside single quotes (two customs), inside double quotes, behind backslashes, inside `$'…'`.
fn shell(text: &str) -> Vec<String> {
    let behind_backslash = |special: fn(char) -> bool| {
        text.chars().flat_map(|letter| special(letter).then_some('\\').into_iter().chain([letter])).collect::<String>()
    };
    let ansi_c = behind_backslash(|letter| matches!(letter, '\'' | '\\'));
    vec![
        text.replace('\'', r"'\''"),
        text.replace('\'', r#"'"'"'"#),
        behind_backslash(|letter| matches!(letter, '"' | '\\' | '$' | '`')),
        behind_backslash(|letter| {
            letter.is_ascii() && !letter.is_ascii_alphanumeric() && !"_-./:@%+,=".contains(letter)
        }),
        ansi_c.replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r").replace('\x1b', "\\E"),
    ]
}

/// Inside XML or HTML, with the quotes left alone or escaped in the usual ways.
fn xml(text: &str) -> Vec<String> {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quotes = [
        ("\"", "'"),
        ("&quot;", "'"),
        ("&quot;", "&apos;"),
        ("&quot;", "&#39;"),
        ("&#34;", "&#39;"),
        ("&quot;", "&#x27;"),
    ];
    quotes.iter().map(|(double, single)| text.replace('"', double).replace('\'', single)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unbroken(secret: &str, form: &str) -> bool {
        Forms::of(secret.as_bytes()).unbroken.contains(form.as_bytes())
    }

    fn breakable(secret: &str, form: &str) -> bool {
        Forms::of(secret.as_bytes()).breakable.contains(form.as_bytes())
    }

    #[test]
    fn base64_is_known_at_three_offsets() {
        // `base64` of "hunter2-hunter2", "x" and "xy" before it; the digits that depend on a neighbour are left out.
        assert!(breakable("hunter2-hunter2", "aHVudGVyMi1odW50ZXIy"));
        assert!(breakable("hunter2-hunter2", "h1bnRlcjItaHVudGVyM")); // eGh1bnRlcjItaHVudGVyMg==
        assert!(breakable("hunter2-hunter2", "odW50ZXIyLWh1bnRlcj")); // eHlodW50ZXIyLWh1bnRlcjI=
    }

    #[test]
    fn base64_has_two_alphabets_and_an_end() {
        assert!(breakable("???>>>???", "Pz8/Pj4+Pz8/"));
        assert!(breakable("???>>>???", "Pz8_Pj4-Pz8_"));
        assert!(breakable("password", "cGFzc3dvcmQ")); // cGFzc3dvcmQ=
    }

    #[test]
    fn hex_is_known_in_both_cases() {
        assert!(breakable("jklmnopq", "6a6b6c6d6e6f7071"));
        assert!(breakable("jklmnopq", "6A6B6C6D6E6F7071"));
    }

    #[test]
    fn urls_and_forms_are_known() {
        let secret = "a/b c~d*e+f";
        for form in [
            "a%2Fb%20c~d%2Ae%2Bf",
            "a%2fb%20c~d%2ae%2bf",
            "a/b%20c~d%2Ae%2Bf",
            "a%2Fb%20c~d*e%2Bf",
            "a%2Fb+c%7Ed*e%2Bf",
        ] {
            assert!(unbroken(secret, form), "{form}");
        }
        assert!(unbroken("password", "%70%61%73%73%77%6F%72%64"));
    }

    #[test]
    fn escapes_of_json_shell_and_xml_are_known() {
        let secret = "a\"b'c\\d<e&f/é";
        for form in [
            r#"a\"b'c\\d<e&f/é"#,
            r#"a\"b'c\\d<e&f\/é"#,
            r#"a\"b'c\\d\u003ce\u0026f/é"#,
            r#"a\"b'c\\d<e&f/\u00e9"#,
            r#"a"b'\''c\d<e&f/é"#,
            r#"a"b'"'"'c\d<e&f/é"#,
            r#"a\"b\'c\\d\<e\&f/é"#,
            r#"a"b\'c\\d<e&f/é"#,
            r#"a"b'c\d&lt;e&amp;f/é"#,
            r"a&quot;b&#39;c\d&lt;e&amp;f/é",
            r"a&quot;b&apos;c\d&lt;e&amp;f/é",
        ] {
            assert!(unbroken(secret, form), "{form}");
        }
        assert!(unbroken("line-one-\nline-two", r"line-one-\nline-two"));
        assert!(unbroken("a b\tc\rd\u{8}e\u{c}f\u{1}g~\u{7f}", "a b\\tc\\rd\\be\\ff\\u0001g~\u{7f}"));
        assert!(unbroken("a b\u{7f}cdefg", r"a b\u007fcdefg"));
    }

    #[test]
    fn the_lines_of_a_key_are_forms_and_its_frame_is_none() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\r\nshort\n-----END PRIVATE KEY-----\n";
        assert!(unbroken(key, "MIIEvQIBADANBg"));
        assert!(!unbroken(key, "short"));
        assert!(!unbroken(key, "-----BEGIN PRIVATE KEY-----"));
        assert!(unbroken(key, key.trim_end()));
        assert!(breakable(key, "TUlJRXZRSUJBREFOQmc"), "base64 of a line");
    }

    #[test]
    fn no_form_is_so_short_that_it_redacts_words() {
        for secret in ["password", "\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}", "''''''''", "鍵鍵鍵"] {
            let forms = Forms::of(secret.as_bytes());
            assert!(forms.unbroken.iter().chain(&forms.breakable).all(|form| form.len() >= SHORTEST), "{secret:?}");
        }
    }

    #[test]
    fn a_secret_of_any_bytes_has_its_forms() {
        let forms = Forms::of(&[0xff; 9]);
        assert!(forms.breakable.contains(b"////////////".as_slice()));
        assert!(forms.unbroken.contains([0xff; 9].as_slice()));
    }
}
