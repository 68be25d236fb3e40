//! Titles to ids: a slug is what a step is called when its author gave it no `id`.

/// Longest slug, in characters.
const LONGEST: usize = 40;

/// What a text without a single usable character becomes.
const FALLBACK: &str = "step";

/// Lowercase ASCII words joined by `-`, at most 40 characters, cut between words where that is possible.
///
/// Never empty. Apostrophes join (`what's` is `whats`); every other character that is not an ASCII letter or
/// digit separates. Different texts may have the same slug; who needs unique ids has to number them.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for word in words(text) {
        let room = LONGEST.saturating_sub(slug.len() + usize::from(!slug.is_empty()));
        if slug.is_empty() {
            slug.extend(word.chars().take(LONGEST));
        } else if word.len() <= room {
            slug.push('-');
            slug.push_str(&word);
        } else {
            break;
        }
    }
    if slug.is_empty() { FALLBACK.to_owned() } else { slug }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let joined = text.chars().filter(|letter| !matches!(letter, '\'' | '’')).collect::<String>();
    let words: Vec<_> = joined
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_title_becomes_words_joined_by_hyphens() {
        assert_eq!(slug("Restart the queue worker."), "restart-the-queue-worker");
        assert_eq!(slug("Is the API server's certificate valid?"), "is-the-api-servers-certificate-valid");
        assert_eq!(slug("kubeadm certs renew all"), "kubeadm-certs-renew-all");
    }

    #[test]
    fn a_long_title_is_cut_between_words() {
        let slug = slug("Restart the static pods of the control plane, one after the other");
        assert_eq!(slug, "restart-the-static-pods-of-the-control");
    }

    #[test]
    fn one_long_word_is_cut_inside() {
        assert_eq!(slug(&"a".repeat(50)), "a".repeat(40));
    }

    #[test]
    fn nothing_usable_is_called_step() {
        assert_eq!(slug(""), "step");
        assert_eq!(slug("  … 鍵 !"), "step");
    }

    proptest! {
        #[test]
        fn a_slug_is_always_a_legal_id(text in any::<String>()) {
            let slug = slug(&text);
            prop_assert!(!slug.is_empty() && slug.len() <= LONGEST);
            for word in slug.split('-') {
                prop_assert!(!word.is_empty(), "{slug}");
                prop_assert!(word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()), "{slug}");
            }
        }
    }
}
