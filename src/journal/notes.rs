//! What people write to a run without having control: `notes-<writer>.<host>.jsonl`, one chain a file, and no part of
//! the chain of acts.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::lock::Flock;
use super::segment::label;
use super::{Digest, JournalError, RunFolder, durable, line, scan};

/// How long another note of the same person is waited for.
const WAIT: Duration = Duration::from_secs(2);

/// The notes of one person on one machine.
#[derive(Debug)]
pub struct Notes {
    /// Where they stand.
    pub path: PathBuf,
    /// Whose they are, as the name of the file says.
    pub writer: String,
    /// Those that are whole and in their place.
    pub records: Vec<Map<String, Value>>,
    /// What is wrong with the first that is not.
    pub flaw: Option<String>,
    head: Digest,
}

/// Adds a record to the notes of a person; durable on return. `epoch`, `seq`, `v` and `run` are set here.
pub fn add_note(
    folder: &RunFolder,
    writer: &str,
    host: &str,
    mut record: Map<String, Value>,
) -> Result<(), JournalError> {
    let path = folder.root().join(format!("notes-{}.{}.jsonl", label(writer, "-_"), label(host, "-_.")));
    let fail = JournalError::io("add a note to", &path);
    let lock = Flock::take(&path, WAIT).map_err(JournalError::io("lock", &path))?;
    let Some(_lock) = lock else { return Err(fail(std::io::ErrorKind::WouldBlock.into())) };
    let notes = read_file(path.clone(), writer.to_owned())?;
    if let Some(flaw) = notes.flaw {
        return Err(JournalError::Record { why: format!("`{}`: {flaw}", path.display()) });
    }
    for (name, value) in [
        ("v", line::VERSION.into()),
        ("run", folder.id().into()),
        ("epoch", folder.highest_epoch()?.max(1).into()),
        ("seq", (notes.records.len() + 1).into()),
    ] {
        record.insert(name.to_owned(), value);
    }
    let (bytes, _) = line::seal(&record, notes.head)?;
    let written = durable::open_plain_to_append(&path).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.map_err(fail)?;
    durable::sync_folder(folder.root())
}

/// The notes of everybody, in order of their files.
pub fn notes(folder: &RunFolder) -> Result<Vec<Notes>, JournalError> {
    let fail = |error| JournalError::io("list", folder.root())(error);
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder.root()).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let who = name.strip_prefix("notes-").and_then(|rest| rest.strip_suffix(".jsonl"));
        if let Some((writer, _)) = who.and_then(|who| who.split_once('.')) {
            all.push(read_file(path, writer.to_owned())?);
        }
    }
    all.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(all)
}

fn read_file(path: PathBuf, writer: String) -> Result<Notes, JournalError> {
    let mut notes = Notes { path, writer, records: Vec::new(), flaw: None, head: Digest::ZERO };
    let path = notes.path.clone();
    scan::scan(&path, |batch| {
        for raw in batch.lines() {
            let whole = line::check(raw.bytes).map_err(|flaw| flaw.to_string());
            let whole = whole.and_then(|sealed| {
                if sealed.prev == notes.head { Ok(sealed.h) } else { Err("does not follow the line before".to_owned()) }
            });
            let value = serde_json::from_slice::<Map<String, Value>>(raw.bytes).map_err(|error| error.to_string());
            match whole.and_then(|h| Ok((h, value?))) {
                Ok((h, value)) => {
                    notes.head = h;
                    notes.records.push(value);
                }
                Err(why) => {
                    notes.flaw = Some(format!("line {} {why}", raw.number));
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read;
    use super::super::testing::{RUN, Scratch, record};
    use super::*;

    fn note(text: &str) -> Map<String, Value> {
        let value = json!({ "t": "2026-11-25T03:14:00.000Z", "mono": 1, "kind": "note", "text": text });
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_note_is_kept_beside_the_chain_and_never_in_it() {
        let scratch = Scratch::new();
        let mut writer = scratch.writer_of(RUN);
        writer.append(record(1, 1, "run.open")).unwrap();
        let folder = RunFolder::open(scratch.state(), RUN).unwrap();
        for text in ["one", "two"] {
            add_note(&folder, "komari", "mio", note(text)).unwrap();
        }
        add_note(&folder, "pepe", "kyousuke", note("three")).unwrap();
        let all = notes(&folder).unwrap();
        let told: Vec<_> = all.iter().map(|notes| (notes.writer.as_str(), notes.records.len(), &notes.flaw)).collect();
        assert_eq!(told, [("komari", 2, &None), ("pepe", 1, &None)]);
        assert_eq!((&all[0].records[1]["text"], &all[0].records[1]["seq"]), (&json!("two"), &json!(2)));
        assert_eq!(read(&folder).lines.len(), 1);
        writer.append(record(1, 2, "note")).unwrap();
    }

    #[test]
    fn a_note_that_was_changed_is_told_and_nothing_is_added_to_it() {
        let scratch = Scratch::new();
        let folder = scratch.folder(RUN);
        add_note(&folder, "komari", "mio", note("one")).unwrap();
        add_note(&folder, "komari", "mio", note("two")).unwrap();
        let path = folder.root().join("notes-komari.mio.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.lines().nth(1).unwrap().to_owned() + "\n").unwrap();
        let flaw = notes(&folder).unwrap()[0].flaw.clone().unwrap();
        assert_eq!(flaw, "line 1 does not follow the line before");
        assert!(add_note(&folder, "komari", "mio", note("three")).is_err());
    }
}
