//! What is said of the bytes of a run: whether they are the reviewed ones.

use super::record::RunbookRef;

/// How much of a commit is shown.
const SHOWN: usize = 10;

impl RunbookRef {
    /// In words, what is known; none where nobody asked.
    pub fn review_words(&self) -> Option<String> {
        self.not_reviewed_words().or_else(|| {
            let (branch, commit) = (self.branch.as_ref()?, self.commit.as_ref()?);
            let commit: String = commit.chars().take(SHOWN).collect();
            Some(format!("reviewed: {branch} holds these exact bytes, commit {commit}"))
        })
    }

    /// The same, only where they are not the reviewed ones.
    pub fn not_reviewed_words(&self) -> Option<String> {
        let because = self.not_reviewed.as_ref()?;
        let accepted = self.accepted.as_ref().map_or_else(String::new, |reason| format!(" (accepted: {reason})"));
        Some(format!("NOT REVIEWED: {because}{accepted}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_whether_these_bytes_were_reviewed_and_why_they_run_if_not() {
        let mut book = RunbookRef::default();
        assert_eq!(book.review_words(), None);
        (book.branch, book.commit) = (Some("origin/main".into()), Some("0123456789abcdef".into()));
        let words = book.review_words().unwrap();
        assert_eq!(words, "reviewed: origin/main holds these exact bytes, commit 0123456789");
        assert_eq!(book.not_reviewed_words(), None);
        book.not_reviewed = Some("it differs".into());
        assert_eq!(book.review_words().unwrap(), "NOT REVIEWED: it differs");
        book.accepted = Some("komari said so".into());
        assert_eq!(book.not_reviewed_words().unwrap(), "NOT REVIEWED: it differs (accepted: komari said so)");
    }
}
