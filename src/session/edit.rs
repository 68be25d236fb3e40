//! An edit up to its confirmation: a private copy, the editor on it, and the difference on record. What replaces the
//! file afterwards is a change like any other.

use std::io;
use std::path::{Path, PathBuf};

use similar::{ChangeTag, TextDiff};

use super::control::{Edited, Editing, Trouble};
use super::keep::write_private;
use super::stop::Stop;
use super::there::{self, Reaching};
use super::watch::{Hands, expand};
use super::{Session, ask, failed};
use crate::engine::command::Command;
use crate::engine::record::EditDraft;
use crate::engine::resolve::{CommandLine, Resolved, TargetLine, Work};
use crate::engine::{Exit, Key, Refusal};
use crate::exec::{self, REPLACE};
use crate::guard;
use crate::text::{base64, plain, sha256};

/// How much of a difference is on record, in lines and bytes.
const KEPT_LINES: usize = 200;
const KEPT_BYTES: usize = 16 * 1024;

impl Session {
    /// Makes a fresh private copy; what was drafted before goes on where the file is still the same.
    pub(super) fn private_copy(&self, resolved: &Resolved) -> Result<Editing, Trouble> {
        let (named, draft) = edited(resolved)?;
        let path = self.path_of(&resolved.at, named);
        let original = self.content_of(&resolved.at, named)?;
        let drafted = draft.filter(|draft| draft.before == sha256(&original));
        let content = match drafted {
            Some(draft) => contents(&self.kept(&draft.after))?,
            None => original,
        };
        let copy = self.private(&resolved.key, &path);
        let made = write_private(&copy, &content);
        made.map_err(|error| {
            failed(format!("cannot make a private copy of `{}`: {error}", path.display()), Exit::Environment)
        })?;
        let editor = format!("{} \"$1\"", self.place.editor);
        let argv = ["sh".to_owned(), "-c".to_owned(), editor, "sh".to_owned(), copy.display().to_string()];
        Ok(Editing { argv: argv.into() })
    }

    /// Takes the content of the private copy or of another file.
    pub(super) fn take_edit(
        &mut self,
        resolved: &Resolved,
        content: Option<&Path>,
        how: &str,
    ) -> Result<Edited, Trouble> {
        let (named, _) = edited(resolved)?;
        let path = self.path_of(&resolved.at, named);
        let original = self.content_of(&resolved.at, named)?;
        let new = match content {
            Some(given) => contents(given)?,
            None => contents(&self.private(&resolved.key, &path))?,
        };
        let (before, after) = (sha256(&original), sha256(&new));
        if before == after {
            return Ok(Edited::Unchanged);
        }
        let kept = self.kept(&after);
        let written = write_private(&kept, &new);
        written
            .map_err(|error| failed(format!("cannot keep `{}`: {error}", kept.display()), Exit::JournalNotWritable))?;
        let keep = self.plan.item(&resolved.key.id).is_none_or(|item| item.step.fields.record != Some(false));
        let difference = difference(&original, &new);
        let draft =
            EditDraft { before, after, diff: if keep { difference.lines } else { Vec::new() }, ..difference.counts };
        self.commit(Command::Draft { step: resolved.key.clone(), draft, how: how.to_owned() })?;
        Ok(Edited::Drafted)
    }

    /// The command that replaces the file, in its place.
    pub(super) fn replacing(&self, at: &TargetLine, path: &str, draft: &EditDraft) -> CommandLine {
        if !at.is_here() {
            let script = guard::write_there(Path::new(path), &draft.before, &draft.after);
            // What was confirmed is proved over there by its digest; where it cannot be read here, nothing is replaced.
            let content = contents(&self.kept(&draft.after)).unwrap_or_default();
            let line = there::line(&script, Some(base64(&content)));
            return CommandLine { timeout: None, split: false, ..line };
        }
        let path = expand(path, &self.place.home, &self.place.cwd).display().to_string();
        let (program, new) = (self.program.display().to_string(), self.kept(&draft.after).display().to_string());
        let argv = vec![program, REPLACE.to_owned(), path, new, draft.before.clone(), draft.after.clone()];
        CommandLine { argv, cwd: Some("/".to_owned()), timeout: None, split: false, ..there::line("", None) }
    }

    /// Whether a file has the content with this digest.
    pub(super) fn has_content(&self, at: &TargetLine, path: &str, digest: &str) -> bool {
        self.content_of(at, path).is_ok_and(|content| sha256(&content) == *digest)
    }

    fn path_of(&self, at: &TargetLine, path: &str) -> PathBuf {
        if at.is_here() { expand(path, &self.place.home, &self.place.cwd) } else { PathBuf::from(path) }
    }

    /// What a file holds, in its place.
    fn content_of(&self, at: &TargetLine, path: &str) -> Result<Vec<u8>, Trouble> {
        let whole = self.path_of(at, path);
        if at.is_here() {
            return contents(&whole);
        }
        let refused =
            |why: String| failed(format!("`{}` on {}: {why}", plain(path), plain(&at.host)), Exit::Environment);
        if !whole.is_absolute() {
            return Err(refused("it is no whole path, and nothing says where it starts there".to_owned()));
        }
        let asker = self.asker(&self.next_attempt());
        let spool = self.folder.blobs().join(format!("{}.out", asker.belongs.attempt));
        let stop = Stop::default();
        let reaching = Reaching::new(&asker, &spool, &stop);
        guard::file_there(&whole, None, &|script| reaching.script(at, script))
            .map_err(|error| refused(ask::chain(&error)))
    }

    /// Where a person edits: the file's own name, so that the editor knows what it is.
    fn private(&self, key: &Key, path: &Path) -> PathBuf {
        self.folder.copies().join(format!("edit-{key}")).join(path.file_name().unwrap_or_default())
    }

    /// Where the content that was confirmed lies.
    fn kept(&self, after: &str) -> PathBuf {
        self.folder.copies().join("edits").join(after)
    }
}

/// Runs a program on the person's own terminal, until it ends.
///
/// # Errors
/// It cannot be started, or it ends with another code than 0.
pub fn run_on_terminal(argv: &[String]) -> io::Result<()> {
    duct::cmd(&argv[0], &argv[1..]).run().map(|_| ())
}

fn edited(resolved: &Resolved) -> Result<(&str, Option<&EditDraft>), Trouble> {
    match &resolved.work {
        Work::Edit { path, draft } => Ok((path, draft.as_ref())),
        _ => Err(Refusal::NotNow(format!("step `{}` edits nothing", resolved.key)).into()),
    }
}

fn contents(path: &Path) -> Result<Vec<u8>, Trouble> {
    exec::contents(path).map_err(|error| failed(ask::chain(&error), Exit::Environment))
}

/// What differs between two contents.
struct Difference {
    counts: EditDraft,
    lines: Vec<String>,
}

fn difference(old: &[u8], new: &[u8]) -> Difference {
    let (Ok(old), Ok(new)) = (std::str::from_utf8(old), std::str::from_utf8(new)) else {
        return Difference { counts: EditDraft::default(), lines: vec!["not a text: the bytes differ".to_owned()] };
    };
    let diff = TextDiff::from_lines(old, new);
    let count = |tag| diff.iter_all_changes().filter(|change| change.tag() == tag).count() as u64;
    let counts =
        EditDraft { added: count(ChangeTag::Insert), removed: count(ChangeTag::Delete), ..EditDraft::default() };
    let text = diff.unified_diff().context_radius(3).to_string();
    let all: Vec<_> = text.lines().map(plain).collect();
    let mut bytes = 0;
    let fits = |line: &&String| {
        bytes += line.len();
        bytes <= KEPT_BYTES
    };
    let mut lines: Vec<_> = all.iter().take(KEPT_LINES).take_while(fits).cloned().collect();
    if lines.len() < all.len() {
        lines.push(format!("... {} more lines", all.len() - lines.len()));
    }
    Difference { counts, lines }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_in_lines_with_those_around_them() {
        let difference = difference(b"a\nb\nc\n", b"a\nB\nc\nd\n");
        assert_eq!((difference.counts.added, difference.counts.removed), (2, 1));
        assert_eq!(difference.lines[1..], [" a", "-b", "+B", " c", "+d"]);
    }

    #[test]
    fn nothing_in_a_difference_reaches_the_terminal_as_a_command() {
        let lines = difference(b"a\n", b"\x1b]52;c;eA==\x07\xe2\x80\xae\n").lines.join("\n");
        assert!(!lines.contains('\u{1b}') && !lines.contains('\u{7}') && !lines.contains('\u{202e}'), "{lines:?}");
    }

    #[test]
    fn a_long_difference_is_cut_and_says_so() {
        let new = (0..1000).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
        let lines = difference(b"", new.as_bytes()).lines;
        assert_eq!(lines.len(), KEPT_LINES + 1);
        assert!(lines[KEPT_LINES].starts_with("... "), "{}", lines[KEPT_LINES]);
        let wide = difference(b"", "x".repeat(KEPT_BYTES * 2).as_bytes()).lines;
        assert!(wide.iter().map(String::len).sum::<usize>() <= KEPT_BYTES + 40);
    }

    #[test]
    fn bytes_that_are_no_text_only_differ() {
        assert_eq!(difference(b"\xff", b"a").lines, ["not a text: the bytes differ"]);
    }
}
