//! Did you mean.

/// The known name that is nearest to the found one.
pub fn suggest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().map(|name| (strsim::damerau_levenshtein(found, name), name)).filter(|(far, _)| *far <= 2).min().map(|(_, name)| name)
}
