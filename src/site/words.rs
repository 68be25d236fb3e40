//! The words of a text as the search counts them: in lower case, without common ones, and shortened to their stems.
//!
//! The pipeline is the one of mdBook's index; each distinct word goes through it once.

use elasticlunr::Pipeline;
use elasticlunr::lang::{English, Language as _};
use indexmap::{IndexMap, IndexSet};

/// The longest word that is indexed, in bytes.
const LONGEST: usize = 80;

/// What shortens words, and the stems that it has met: a stem's number is its place in the list.
pub struct Stems {
    pipeline: Pipeline,
    known: IndexMap<String, Option<u32>>,
    list: IndexSet<String>,
}

impl Default for Stems {
    fn default() -> Self {
        let pipeline = English::new().make_pipeline();
        Self { pipeline, known: IndexMap::new(), list: IndexSet::new() }
    }
}

impl Stems {
    /// How often each stem is in a text: its number, and how often.
    pub fn count(&mut self, text: &str) -> Vec<(u32, u32)> {
        let words = text.split(|letter: char| letter.is_whitespace() || letter == '-');
        let mut numbers: Vec<u32> =
            words.filter(|word| !word.is_empty()).filter_map(|word| self.number(word)).collect();
        numbers.sort_unstable();
        let mut counts: Vec<(u32, u32)> = Vec::new();
        for number in numbers {
            match counts.last_mut() {
                Some((last, count)) if *last == number => *count += 1,
                _ => counts.push((number, 1)),
            }
        }
        counts
    }

    /// All stems that were met, by their numbers.
    pub fn into_list(self) -> Vec<String> {
        self.list.into_iter().collect()
    }

    fn number(&mut self, word: &str) -> Option<u32> {
        if let Some(known) = self.known.get(word) {
            return *known;
        }
        let lower = word.to_lowercase();
        let stem = if lower.len() > LONGEST { None } else { self.pipeline.run(vec![lower]).pop() };
        let number = stem.map(|stem| {
            let (number, _) = self.list.insert_full(stem);
            u32::try_from(number).expect("a book has less than 2^32 words")
        });
        self.known.insert(word.to_owned(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> Vec<(String, u32)> {
        let mut stems = Stems::default();
        let counts = stems.count(text);
        let list = stems.into_list();
        counts.into_iter().map(|(number, count)| (list[number as usize].clone(), count)).collect()
    }

    fn owned(list: &[(&str, u32)]) -> Vec<(String, u32)> {
        list.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
    }

    #[test]
    fn words_are_shortened_and_counted() {
        assert_eq!(counted("Expired, expires; expire - expired"), owned(&[("expir", 4)]));
        assert_eq!(counted("kube-apiserver\n(x509:)"), owned(&[("kube", 1), ("apiserv", 1), ("x509", 1)]));
    }

    #[test]
    fn common_and_endless_words_are_left_out() {
        assert_eq!(counted("the and of"), []);
        assert_eq!(counted(&"x".repeat(81)), []);
        assert_eq!(counted(&"y".repeat(80)).len(), 1);
    }

    #[test]
    fn a_word_seen_before_has_the_same_number_again() {
        let mut stems = Stems::default();
        assert_eq!(stems.count("other certificates"), stems.count("certificate"));
        assert_eq!(stems.count("the"), []);
    }
}
