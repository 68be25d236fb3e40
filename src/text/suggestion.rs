//! Did you mean: the known name that is nearest to what was written.

/// The nearest known name, if one is near enough to be a slip of the fingers: at most a third of its
/// characters differ. Letter case and `-` for `_` cost nothing. Of two equally near names the first wins.
pub fn suggest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let found = fold(found);
    let length = found.chars().count();
    let limit = length.max(3) / 3;
    known
        .into_iter()
        // The distance is at least the difference in length, so a found text of a megabyte costs nothing.
        .filter(|name| name.chars().count().abs_diff(length) <= limit && name.chars().count() > limit)
        .map(|name| (strsim::damerau_levenshtein(&found, &fold(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 6] = ["change", "check", "title", "timeout", "done_when", "if_not"];

    #[test]
    fn a_slip_of_the_fingers_finds_the_name() {
        assert_eq!(suggest("chnage", KEYS), Some("change"));
        assert_eq!(suggest("titel", KEYS), Some("title"));
        assert_eq!(suggest("timeouts", KEYS), Some("timeout"));
    }

    #[test]
    fn case_and_hyphen_cost_nothing() {
        assert_eq!(suggest("Done-When", KEYS), Some("done_when"));
        assert_eq!(suggest("TITLE", KEYS), Some("title"));
    }

    #[test]
    fn a_different_word_finds_nothing() {
        assert_eq!(suggest("colour", KEYS), None);
        assert_eq!(suggest("", KEYS), None);
        assert_eq!(suggest("x", ["y", "z"]), None);
    }

    #[test]
    fn the_nearest_wins_and_then_the_first() {
        assert_eq!(suggest("checks", ["change", "checked", "check"]), Some("check"));
        assert_eq!(suggest("step-c", ["step-a", "step-b"]), Some("step-a"));
    }

    #[test]
    fn a_very_long_text_is_answered_at_once() {
        assert_eq!(suggest(&"x".repeat(10_000), ["title"]), None);
    }
}
