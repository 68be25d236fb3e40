//! Bytes to text, chunk by chunk, whatever the chunks: a character may begin in one and end in the next.

/// Longest beginning of a character that is not yet a character, in bytes.
const LONGEST_BEGINNING: usize = 3;

/// A decoder of UTF-8 that keeps the beginning of a character until its end has come. Bytes that are no UTF-8
/// become U+FFFD, as many as [`String::from_utf8_lossy`] would make of the whole.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    held: Vec<u8>,
}

impl Decoder {
    /// Takes the next bytes and hands their text on, in one or more pieces.
    pub fn push(&mut self, mut bytes: &[u8], mut text: impl FnMut(&str)) {
        while let (false, [next, rest @ ..]) = (self.held.is_empty(), bytes) {
            self.held.push(*next);
            match std::str::from_utf8(&self.held) {
                Ok(letter) => text(letter),
                Err(error) if error.error_len().is_none() => {
                    bytes = rest;
                    continue;
                }
                Err(_) => {
                    // The new byte does not go on with the beginning; it is looked at again by itself.
                    self.held.clear();
                    text("\u{FFFD}");
                    continue;
                }
            }
            self.held.clear();
            bytes = rest;
        }
        for chunk in bytes.utf8_chunks() {
            text(chunk.valid());
            let invalid = chunk.invalid();
            let at_end = std::ptr::eq(invalid.as_ptr_range().end, bytes.as_ptr_range().end);
            if at_end && is_beginning(invalid) {
                self.held.extend_from_slice(invalid);
            } else if !invalid.is_empty() {
                text("\u{FFFD}");
            }
        }
    }

    /// No byte follows: a beginning that is left is no character.
    pub fn finish(&mut self, mut text: impl FnMut(&str)) {
        if !self.held.is_empty() {
            self.held.clear();
            text("\u{FFFD}");
        }
    }
}

fn is_beginning(bytes: &[u8]) -> bool {
    (1..=LONGEST_BEGINNING).contains(&bytes.len())
        && std::str::from_utf8(bytes).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(chunks: &[&[u8]]) -> String {
        let mut decoder = Decoder::default();
        let mut text = String::new();
        for chunk in chunks {
            decoder.push(chunk, |piece| text.push_str(piece));
        }
        decoder.finish(|piece| text.push_str(piece));
        text
    }

    #[test]
    fn a_character_may_come_in_pieces() {
        assert_eq!(decode(&[b"a\xe9", b"\x8d", b"\xb5b"]), "a鍵b");
        assert_eq!(decode(&[b"\xf0", b"\x9f\x94", b"", b"\x91"]), "🔑");
    }

    #[test]
    fn what_is_no_utf8_is_marked_and_the_rest_stays() {
        assert_eq!(decode(&[b"a\xff\xe9\x8d", b"b"]), "a\u{FFFD}\u{FFFD}b");
        assert_eq!(decode(&[b"\x9b31m"]), "\u{FFFD}31m");
        assert_eq!(decode(&[b"end\xe9\x8d"]), "end\u{FFFD}");
    }

    proptest! {
        #[test]
        fn any_chunks_give_what_the_whole_gives(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xe9), Just(0x8d), Just(0xf0), Just(0x9f), Just(b'a')], 0..40),
            size in 1_usize..6,
        ) {
            let chunks: Vec<_> = bytes.chunks(size).collect();
            prop_assert_eq!(decode(&chunks), String::from_utf8_lossy(&bytes));
        }
    }
}
