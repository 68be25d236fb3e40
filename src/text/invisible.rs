//! Characters that are there but cannot be seen, or that change the order in which others are seen.

/// Whether a character has no shape of its own, or turns the reading direction: zero width, bidirectional,
/// filler, tag, and separator characters. Controls (`char::is_control`) are not meant; neither are the variation
/// selectors and combining marks that ordinary writing needs.
pub const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{00AD}' // soft hyphen
            | '\u{034F}' // grapheme joiner
            | '\u{061C}' // Arabic letter mark
            | '\u{115F}'..='\u{1160}' // Hangul fillers
            | '\u{17B4}'..='\u{17B5}' // Khmer inherent vowels
            | '\u{180B}'..='\u{180F}' // Mongolian separators
            | '\u{200B}'..='\u{200F}' // zero width, direction marks
            | '\u{2028}'..='\u{202E}' // line and paragraph separators, embeddings, overrides
            | '\u{2060}'..='\u{206F}' // joiner, invisible operators, isolates, deprecated formats
            | '\u{3164}' // Hangul filler
            | '\u{FEFF}' // byte order mark
            | '\u{FFA0}' // half-width Hangul filler
            | '\u{FFF0}'..='\u{FFFB}' // interlinear annotation
            | '\u{1D173}'..='\u{1D17A}' // musical formats
            | '\u{E0000}'..='\u{E0FFF}' // tags, variation selectors beyond those of ordinary writing
    )
}

/// A control or an invisible character in ASCII: `\x07` for a byte, `<U+202E>` for what is beyond ASCII.
pub fn push_visible(letter: char, out: &mut String) {
    use std::fmt::Write as _;

    let code = u32::from(letter);
    let written = if letter.is_ascii() { write!(out, "\\x{code:02x}") } else { write!(out, "<U+{code:04X}>") };
    written.expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(letter: char) -> String {
        let mut out = String::new();
        push_visible(letter, &mut out);
        out
    }

    #[test]
    fn what_hides_or_turns_text_is_invisible() {
        for letter in
            "\u{202A}\u{202B}\u{202C}\u{202D}\u{202E}\u{2066}\u{2067}\u{2068}\u{2069}\u{200E}\u{200F}\u{061C}".chars()
        {
            assert!(is_invisible(letter), "{}", visible(letter));
        }
        for letter in "\u{200B}\u{200C}\u{200D}\u{FEFF}\u{2060}\u{3164}\u{E0041}".chars() {
            assert!(is_invisible(letter), "{}", visible(letter));
        }
    }

    #[test]
    fn ordinary_writing_is_visible() {
        for letter in "aé鍵🔑 \u{00A0}\u{0301}\u{FE0F}—".chars() {
            assert!(!is_invisible(letter), "{}", visible(letter));
        }
    }

    #[test]
    fn they_are_shown_in_ascii() {
        assert_eq!(visible('\x07'), "\\x07");
        assert_eq!(visible('\u{9b}'), "<U+009B>");
        assert_eq!(visible('\u{E0041}'), "<U+E0041>");
    }
}
