//! The plain form of `expect`: a text is contained, at word borders, so that `Ready` is not found in `NotReady`.

/// Whether `needle` stands somewhere in `haystack` as whole words.
pub fn contains_at_word_borders(haystack: &str, needle: &str) -> bool {
    find_at_word_borders(haystack, needle).is_some()
}

/// Where `needle` first stands in `haystack` as whole words, as an offset in bytes.
///
/// A border is needed only on a side where the needle itself begins or ends with a letter, a digit or `_`.
/// An empty needle stands at the start of everything.
pub fn find_at_word_borders(haystack: &str, needle: &str) -> Option<usize> {
    let Some(first) = needle.chars().next() else { return Some(0) };
    let last = needle.chars().next_back()?;
    let mut from = 0;
    while let Some(found) = haystack.get(from..)?.find(needle) {
        let start = from + found;
        let before = haystack[..start].chars().next_back();
        let after = haystack[start + needle.len()..].chars().next();
        if border(before, first) && border(after, last) {
            return Some(start);
        }
        from = start + first.len_utf8();
    }
    None
}

fn border(outside: Option<char>, inside: char) -> bool {
    !(is_word(inside) && outside.is_some_and(is_word))
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_word_is_found_at_its_borders() {
        assert!(contains_at_word_borders("kyousuke   Ready   control-plane", "Ready"));
        assert!(contains_at_word_borders("Ready", "Ready"));
        assert!(contains_at_word_borders("state=active.", "active"));
    }

    #[test]
    fn a_part_of_a_word_is_not_found() {
        assert!(!contains_at_word_borders("NotReady", "Ready"));
        assert!(!contains_at_word_borders("inactive", "active"));
        assert!(!contains_at_word_borders("Ready_soon", "Ready"));
        assert!(!contains_at_word_borders("100", "10"));
        assert!(!contains_at_word_borders("überall", "berall"));
    }

    #[test]
    fn a_later_whole_word_counts_after_an_earlier_part() {
        assert_eq!(find_at_word_borders("inactive active", "active"), Some(9));
        assert!(!contains_at_word_borders("aaaa", "aa"));
    }

    #[test]
    fn a_side_that_is_no_word_needs_no_border() {
        assert!(contains_at_word_borders("exit=0;", "=0"));
        assert!(contains_at_word_borders("a(b)c", "(b)"));
        assert!(contains_at_word_borders("anything", ""));
    }

    proptest! {
        #[test]
        fn between_spaces_it_is_always_found(before in ".*", needle in ".+", after in ".*") {
            let haystack = format!("{before} {needle} {after}");
            prop_assert!(contains_at_word_borders(&haystack, &needle));
        }

        #[test]
        fn what_is_found_is_there(haystack in "[a-c é_]{0,20}", needle in "[a-c é_]{0,4}") {
            if let Some(at) = find_at_word_borders(&haystack, &needle) {
                prop_assert!(haystack[at..].starts_with(&needle));
            }
        }
    }
}
