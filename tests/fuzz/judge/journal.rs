//! Any bytes as the journal of a run: one class, and "whole" exactly where a verifier of a few lines says so too.
//!
//! Bytes alone would hardly ever have a right hash, so most inputs are records that are sealed here, and damaged after.

use std::collections::BTreeSet;
use std::path::PathBuf;

use locum::journal::{Class, Reading, RunFolder, audit, read_segments};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Longest line, with its newline.
const LONGEST: usize = 64 * 1024;

const PREV: &str = ",\"prev\":\"";
const H: &str = ",\"h\":\"";
const END: &str = "\"}\n";

/// A file of the journal.
struct File {
    epoch: u32,
    bytes: Vec<u8>,
}

/// What the small verifier says.
struct Verdict {
    whole: bool,
    /// Lines before the first that is not as it must be.
    good: usize,
}

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder can be made");
}

/// `r` and the bytes of the only file; or `s`, damages of three bytes each up to the end of the line, and records, one
/// a line, without `prev`, `h` and their last brace. A line `=2` begins the file of epoch 2.
pub fn judge(input: &[u8]) {
    let files = match input {
        [b'r', bytes @ ..] => vec![File { epoch: 1, bytes: bytes.to_vec() }],
        [b's', rest @ ..] => {
            let mut lines = rest.split(|byte| *byte == b'\n');
            let damages = lines.next().unwrap_or_default();
            let mut files = sealed(lines);
            for damage in damages.as_chunks().0.iter().take(8) {
                hurt(&mut files, *damage);
            }
            files
        }
        _ => return,
    };
    let verdict = verify(&files);
    let (folder, paths) = laid(&files);
    let reading = read_segments(&paths);
    agrees(&reading, &verdict, &files);
    torn_is_the_end(&reading, &files);
    let audit = audit(&folder);
    assert_eq!(audit.class, reading.class, "an audit and a reading differ");
    assert_eq!(audit.records, reading.lines.len() as u64);
    assert!(audit.exit_code() == 0 || !reading.class.is_ok() || !audit.to_string().is_empty());
    assert_eq!(read_segments(&paths).class, reading.class, "a second reading finds something else");
}

/// Records as a writer would have left them, each sealed behind the one before.
fn sealed<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<File> {
    let mut files = vec![File { epoch: 1, bytes: Vec::new() }];
    let mut prev = "0".repeat(64);
    for line in lines.take(64) {
        if let Some(epoch) = line.strip_prefix(b"=").and_then(number) {
            files.push(File { epoch, bytes: Vec::new() });
            continue;
        }
        let body = [line, PREV.as_bytes(), prev.as_bytes(), b"\""].concat();
        prev = hex_digest(&body);
        let bytes = &mut files.last_mut().expect("there is a first").bytes;
        bytes.extend([&body, H.as_bytes(), prev.as_bytes(), END.as_bytes()].concat());
    }
    files.truncate(6);
    files
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|epoch| *epoch > 0)
}

/// One damage: what is done in the low bits of the first byte, to which file in the high ones, and where.
fn hurt(files: &mut [File], [what, high, low]: [u8; 3]) {
    let number = usize::from(what >> 4) % files.len();
    let bytes = &mut files[number].bytes;
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if bytes.is_empty() {
        return;
    }
    let place = usize::from(high) << 8 | usize::from(low);
    let (at, line) = (place % bytes.len(), place % lines.len());
    match what % 16 {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, low),
        2 => drop(bytes.remove(at)),
        3 => bytes.insert(at, b'\n'),
        4 => lines.swap(line, 0),
        5 => lines.insert(line, lines[line].clone()),
        6 => drop(lines.remove(line)),
        7 => lines.push(lines[line].clone()),
        bit => bytes[at] ^= 1 << (bit - 8),
    }
    if matches!(what % 16, 4..=7) {
        files[number].bytes = lines.concat();
    }
}

/// The files in a folder as it belongs to a run, each under its own name.
fn laid(files: &[File]) -> (RunFolder, Vec<PathBuf>) {
    FOLDER.with(|folder| {
        let root = folder.path().join("7f3a-k2");
        _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir(&root).expect("the folder is there");
        let name = |(number, file): (usize, &File)| {
            let path = root.join(format!("seg-{:04}-w{number}.mio.jsonl", file.epoch));
            std::fs::write(&path, &file.bytes).expect("the folder is there");
            path
        };
        let paths = files.iter().enumerate().map(name).collect();
        (RunFolder::open_existing(&root).expect("it was just made"), paths)
    })
}

fn agrees(reading: &Reading, verdict: &Verdict, files: &[File]) {
    let class = &reading.class;
    assert_eq!(class.is_ok(), verdict.whole, "{class}");
    assert!([0, 10, 11, 12, 15].contains(&class.exit_code()), "{class}");
    assert!(!class.to_string().is_empty() && reading.read_only().is_none_or(|why| !why.is_empty()));
    assert!(
        reading.lines.len() >= verdict.good,
        "{} lines before the damage, not {}",
        verdict.good,
        reading.lines.len()
    );
    // An epoch may go on behind a torn end of the one before; otherwise nothing is believed behind a damage.
    assert!(reading.lines.len() == verdict.good || files.len() > 1, "{class}");
    let mut head = "0".repeat(64);
    for line in &reading.lines {
        assert_eq!(line.prev.to_string(), head, "a line that does not follow the one before");
        head = hex_digest(line.raw_body.as_bytes());
        assert_eq!(line.h.to_string(), head);
    }
    assert_eq!(reading.head.to_string(), head);
}

/// Only the last line of a file is ever called torn, since it is what a repair cuts off.
fn torn_is_the_end(reading: &Reading, files: &[File]) {
    let Class::Torn { file: name, offset, bytes, .. } = &reading.class else { return };
    let named = |(number, file): &(usize, &File)| *name == format!("seg-{:04}-w{number}.mio.jsonl", file.epoch);
    let (_, file) = files.iter().enumerate().find(named).expect("a file that is torn is there");
    let at = usize::try_from(*offset).expect("a small file");
    let (front, tail) = file.bytes.split_at(at);
    assert_eq!(tail.len() as u64, *bytes);
    assert!(!tail.is_empty() && (front.is_empty() || front.ends_with(b"\n")), "a repair would cut a line in two");
    let one = tail.strip_suffix(b"\n").unwrap_or(tail);
    assert!(!one.contains(&b'\n'), "a repair would cut off more than a line");
    let is_whole = |line: &[u8]| parts(line).is_some_and(|(body, _, h)| hex_digest(body.as_bytes()) == h);
    assert!(!is_whole(tail), "a repair would cut off a line that was written whole");
}

fn verify(files: &[File]) -> Verdict {
    let mut order: Vec<_> = files.iter().collect();
    order.sort_by_key(|file| file.epoch);
    let (mut head, mut good, mut run) = ("0".repeat(64), 0, None);
    for (expected, file) in (1..).zip(order) {
        if file.epoch != expected {
            return Verdict { whole: false, good };
        }
        for (seq, line) in (1..).zip(file.bytes.split_inclusive(|byte| *byte == b'\n')) {
            let record = parts(line).filter(|(body, prev, h)| *prev == head && hex_digest(body.as_bytes()) == *h);
            let Some((_, _, h)) = record.filter(|_| is_record(line, file.epoch, seq, &mut run)) else {
                return Verdict { whole: false, good };
            };
            h.clone_into(&mut head);
            good += 1;
        }
    }
    Verdict { whole: true, good }
}

/// Body, `prev` and `h` of a line that has the frame of one.
fn parts(line: &[u8]) -> Option<(&str, &str, &str)> {
    let text = std::str::from_utf8(line).ok().filter(|line| line.len() <= LONGEST && line.starts_with('{'))?;
    let text = text.strip_suffix(END)?;
    let (body, h) = text.split_at_checked(text.len().checked_sub(64)?)?;
    let body = body.strip_suffix(H)?;
    let inner = body.strip_suffix('"')?;
    let (front, prev) = inner.split_at_checked(inner.len().checked_sub(64)?)?;
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (front.ends_with(PREV) && hex(prev) && hex(h)).then_some((body, prev, h))
}

fn is_record(line: &[u8], epoch: u32, seq: u64, run: &mut Option<String>) -> bool {
    let text = std::str::from_utf8(line).unwrap_or_default();
    let Ok(Value::Object(record)) = serde_json::from_str(text) else { return false };
    let number = |key: &str| record.get(key).and_then(Value::as_u64);
    let word = |key: &str| record.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
    let Some(name) = word("run").filter(|_| word("kind").is_some()) else { return false };
    let in_place = number("epoch") == Some(epoch.into()) && number("seq") == Some(seq);
    let same_run = *run.get_or_insert_with(|| name.to_owned()) == name;
    in_place && same_run && number("v").is_some_and(|version| version > 0) && !a_key_stands_twice(text)
}

/// In a text that is JSON: a second key of one name in one object lets two readers see two records.
fn a_key_stands_twice(json: &str) -> bool {
    let mut objects: Vec<BTreeSet<String>> = Vec::new();
    let mut rest = json;
    while let Some(at) = rest.find(['{', '}', '"']) {
        let mark = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        match mark {
            b'{' => objects.push(BTreeSet::new()),
            b'}' => drop(objects.pop()),
            _ => {
                let mut escaped = false;
                let end = rest.find(|c| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                let Some(end) = end else { return false };
                let key: Option<String> = serde_json::from_str(&format!("\"{}\"", &rest[..end])).ok();
                rest = &rest[end + 1..];
                if rest.trim_start().starts_with(':') {
                    let keys = objects.last_mut();
                    if key.zip(keys).is_some_and(|(key, keys)| !keys.insert(key)) {
                        return true;
                    }
                }
            }
        }
    }
    false
}

fn hex_digest(bytes: &[u8]) -> String {
    locum::text::hex(&Sha256::digest(bytes))
}
