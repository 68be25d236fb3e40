//! Output that gives a secret: it is held back until the secret is known, so that no byte of it is on the disk before.
//!
//! What the second stream says waits for the first, since a traced command writes the value there. Where the secret
//! cannot be taken, nothing that could hold it is written: what was withheld is said instead.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::capture::secret_in;
use super::filter::{Bytes, Filter, Redaction, Secret, redactor};
use crate::text::redactor::Redactor;

/// How much of each stream is held in memory, in bytes; a command that gives a secret says little else.
const MOST: usize = 1 << 20;

/// The secrets of an output, or in words why there are none.
pub type Taken = Result<Vec<Secret>, String>;

/// The secrets of one output, from the first byte of it to the last.
pub(super) struct Taking {
    redaction: Redaction,
    end: Mutex<Option<End>>,
    ended: Condvar,
}

/// What the first stream gave.
#[derive(Clone)]
struct End {
    taken: Taken,
    /// For everything that is known then.
    redactor: Option<Arc<Redactor>>,
    /// It said nothing at all, so it gave no secret either.
    silent: bool,
}

impl Taking {
    pub fn new(redaction: Redaction) -> Self {
        Self { redaction, end: Mutex::new(None), ended: Condvar::new() }
    }

    pub fn filter(taking: &Arc<Self>, bytes: Bytes) -> Box<dyn Filter> {
        Box::new(Withhold { taking: Arc::clone(taking), bytes, held: Vec::new(), came: 0, redacted: BTreeMap::new() })
    }

    /// What the first stream gave; before its end, and where nothing could be taken, why not.
    pub fn taken(&self) -> Taken {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.as_ref().map_or_else(|| Err("nothing ran".to_owned()), |end| end.taken.clone())
    }

    /// What looks for all secrets, once they are known.
    pub fn redactor(&self) -> Option<Redactor> {
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.as_ref()?.redactor.as_deref().map(Redactor::fresh)
    }

    fn take(&self, held: &[u8], came: usize) -> End {
        let taken = self.secrets(held, came).and_then(|taken| {
            let all: Vec<_> = self.redaction.secrets.iter().chain(&taken).cloned().collect();
            Ok((redactor(&all)?, taken))
        });
        let silent = came == 0;
        match taken {
            Ok((redactor, taken)) => End { taken: Ok(taken), redactor: redactor.map(Arc::new), silent },
            Err(why) => {
                let known = redactor(&self.redaction.secrets).ok().flatten();
                End { taken: Err(why), redactor: known.map(Arc::new), silent }
            }
        }
    }

    fn secrets(&self, held: &[u8], came: usize) -> Taken {
        if came > held.len() {
            return Err(format!("the output has {came} bytes, expected at most {MOST} where it gives a secret"));
        }
        let text = std::str::from_utf8(held).map_err(|_| "the output is not UTF-8".to_owned())?;
        let captures = self.redaction.captures.iter();
        captures
            .map(|capture| Ok(Secret { name: capture.name.clone(), value: secret_in(text, capture)?.into() }))
            .collect()
    }

    fn wait(&self) -> End {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(end) = &*end {
                return end.clone();
            }
            end = self.ended.wait(end).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One stream of a command that gives a secret.
struct Withhold {
    taking: Arc<Taking>,
    bytes: Bytes,
    held: Vec<u8>,
    /// How many bytes came in all.
    came: usize,
    redacted: BTreeMap<String, u64>,
}

impl Filter for Withhold {
    fn push(&mut self, bytes: &[u8], _out: &mut Vec<u8>) {
        self.came += bytes.len();
        let room = MOST - self.held.len();
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let end = match self.bytes {
            Bytes::Output => {
                let end = self.taking.take(&self.held, self.came);
                *self.taking.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end.clone());
                self.taking.ended.notify_all();
                end
            }
            Bytes::Errors => self.taking.wait(),
        };
        let shown = end.taken.is_ok() || (end.silent && self.came == self.held.len());
        if !shown && self.came > 0 {
            out.extend_from_slice(format!("[withheld: {} bytes in which a secret can be]\n", self.came).as_bytes());
            return;
        }
        match end.redactor.as_deref().map(Redactor::fresh) {
            Some(mut redactor) => {
                redactor.push(&self.held, out);
                redactor.finish(out);
                self.redacted.clone_from(redactor.counts());
            }
            None => out.extend_from_slice(&self.held),
        }
        if self.came > self.held.len() {
            let more = self.came - self.held.len();
            out.extend_from_slice(format!("\n[withheld: {more} more bytes]\n").as_bytes());
        }
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        self.redacted.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::capture::{Capture, Take};
    use crate::exec::filter::Filters;

    const KNOWN: &str = "correct horse";

    fn filters(take: Take, pattern: Option<&str>) -> Filters {
        let capture = Capture { name: "key".to_owned(), take, pattern: pattern.map(str::to_owned) };
        let secrets = vec![Secret { name: "known".to_owned(), value: KNOWN.into() }];
        Filters::new(&Redaction { secrets, captures: vec![capture] }).unwrap()
    }

    /// What is written of both streams; the second ends first.
    fn written(filters: &Filters, output: &str, errors: &str) -> (String, String) {
        let (mut first, mut second) = (filters.stream(Bytes::Output), filters.stream(Bytes::Errors));
        std::thread::scope(|scope| {
            let errors = scope.spawn(move || {
                let mut out = Vec::new();
                second.push(errors.as_bytes(), &mut out);
                assert!(out.is_empty(), "nothing is written before the secret is known");
                second.finish(&mut out);
                String::from_utf8(out).unwrap()
            });
            let mut out = Vec::new();
            for piece in output.as_bytes().chunks(3) {
                first.push(piece, &mut out);
                assert!(out.is_empty());
            }
            first.finish(&mut out);
            (String::from_utf8(out).unwrap(), errors.join().unwrap())
        })
    }

    #[test]
    fn a_secret_is_taken_and_stands_in_neither_stream() {
        let filters = filters(Take::Match("^key=(.*)$".to_owned()), None);
        let (out, err) = written(&filters, "made\nkey=hunter2-hunter2\n", "+ key=hunter2-hunter2 correct horse\n");
        assert_eq!(
            (out.as_str(), err.as_str()),
            ("made\nkey=[redacted:key]\n", "+ key=[redacted:key] [redacted:known]\n")
        );
        let taken = filters.taken().unwrap();
        assert_eq!((taken[0].name.as_str(), taken[0].value.as_slice()), ("key", b"hunter2-hunter2".as_slice()));
        assert_eq!(filters.words("left hunter2-hunter2"), "left [redacted:key]");
    }

    #[test]
    fn what_cannot_be_taken_is_withheld() {
        let filters = filters(Take::Match("^key=(.*)$".to_owned()), None);
        let (out, err) = written(&filters, "the key is hunter2-hunter2\n", "hunter2-hunter2\n");
        assert_eq!(out, "[withheld: 27 bytes in which a secret can be]\n");
        assert_eq!(err, "[withheld: 16 bytes in which a secret can be]\n");
        assert_eq!(filters.taken().unwrap_err(), "cannot capture `key`: nothing in the output matches `^key=(.*)$`");
    }

    #[test]
    fn a_secret_that_does_not_fit_is_not_said() {
        let unfit = filters(Take::Whole, Some("[0-9]+"));
        written(&unfit, "hunter2-hunter2\n", "");
        assert_eq!(unfit.taken().unwrap_err(), "cannot capture `key`: the value does not match `[0-9]+`");
        let short = filters(Take::Whole, None);
        let (out, _) = written(&short, "1234\n", "");
        assert_eq!(out, "[withheld: 5 bytes in which a secret can be]\n");
        assert_eq!(short.taken().unwrap_err(), "secret `key` has 4 bytes, expected at least 8; choose a longer one");
    }

    #[test]
    fn a_command_that_only_complains_is_heard() {
        let filters = filters(Take::Whole, None);
        let (out, err) = written(&filters, "", "no such key, correct horse\n");
        assert_eq!((out.as_str(), err.as_str()), ("", "no such key, [redacted:known]\n"));
    }

    #[test]
    fn what_is_too_long_is_not_held() {
        let filters = filters(Take::Whole, None);
        let (out, _) = written(&filters, &"x".repeat(MOST + 1), "");
        assert_eq!(out, format!("[withheld: {} bytes in which a secret can be]\n", MOST + 1));
        assert!(filters.taken().unwrap_err().contains("expected at most 1048576"));
    }
}
