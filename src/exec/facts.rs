//! What is known of a process: where it was started, how it ended, what it said, what it left behind.
//!
//! Facts only. Whether a step passed is not decided here.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::armed::Disarmed;

/// The longest `Exit` as JSON, in bytes; the evidence file has 4 KiB and needs room for its own checksum.
const LONGEST_EXIT: usize = 3500;

/// Where a supervisor and its command live. Times are in clock ticks since boot, as `/proc` gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The supervisor.
    pub supervisor_pid: u32,
    /// When it was started.
    pub supervisor_start: u64,
    /// The command; absent in what is written just before it is spawned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_pid: Option<u32>,
    /// When it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_start: Option<u64>,
    /// When it had ended, where an armed way back still waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_end: Option<u64>,
    /// The boot of the machine; empty where it is not known.
    pub boot_id: String,
    /// A digest of the machine's id; empty where it is not known.
    pub machine_id: String,
    /// The inode of the pid namespace; 0 where it is not known.
    pub pid_ns: u64,
}

/// How a command ended, as the system saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It returned a code.
    Exited,
    /// A signal ended it, ours after a cancel included.
    Signaled,
    /// Its time was up and it was ended; how it then ended is in `code` or `signal`.
    TimedOut,
    /// Nothing ran.
    #[default]
    NotStarted,
}

/// A process that was still there when the command had ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Its process id.
    pub pid: u32,
    /// Its command line, redacted and cut.
    pub command: String,
}

/// A captured stream, after the filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamFacts {
    /// All bytes that came.
    pub bytes: u64,
    /// The bytes that are in the blob.
    pub kept: u64,
    /// Whether some are not.
    pub cut: bool,
    /// The digest of all bytes, kept or not, as hexadecimal digits.
    pub sha256: String,
    /// Whether the end of the stream was seen; a process left behind may still have more to say.
    pub drained: bool,
}

/// The end of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// How it ended.
    pub result: Ending,
    /// The exit code, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// How long it ran, in milliseconds, suspended time included.
    pub dur_ms: u64,
    /// Whether somebody asked for its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
    /// Why nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the record of it has a gap: the blob or the evidence could not be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_gap: Option<String>,
    /// What still runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftover: Vec<Leftover>,
    /// How many more still run than `leftover` has room for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leftover_more: u32,
    /// Name of a secret to how often it was taken out of the output.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redacted: BTreeMap<String, u64>,
    /// The output; both streams in order unless they were split. Absent if nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout: Option<StreamFacts>,
    /// The second stream, if they were split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<StreamFacts>,
    /// How the armed way back ended, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Disarmed>,
    /// The recording, if it had a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cast: Option<StreamFacts>,
}

impl Exit {
    /// The end of a command that never began.
    pub fn not_started(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }

    /// Notes a gap in the record; the first cause stays.
    pub fn note_gap(&mut self, cause: Option<String>) {
        if self.recording_gap.is_none() {
            self.recording_gap = cause;
        }
    }

    /// Shortens what may be long until the whole fits an evidence file.
    pub fn fit(&mut self) {
        while self.too_long() && self.leftover.pop().is_some() {
            self.leftover_more += 1;
        }
        for text in [&mut self.reason, &mut self.recording_gap].into_iter().flatten() {
            cut(text, 400);
        }
        while self.too_long() && self.redacted.pop_last().is_some() {}
    }

    fn too_long(&self) -> bool {
        serde_json::to_string(self).is_ok_and(|json| json.len() > LONGEST_EXIT)
    }
}

/// Where a supervisor leaves what it knows, so that it outlives both the screen and the supervisor.
pub trait Evidence {
    /// The command is about to be spawned. Nothing runs unless this was durable.
    fn started(&mut self, started: &Started) -> io::Result<()>;

    /// The command was spawned; its pid is now known. Need not be durable: after a power cut the pid means nothing.
    fn spawned(&mut self, started: &Started) -> io::Result<()> {
        self.started(started)
    }

    /// The command has ended. Durable when this returns.
    fn exit(&mut self, exit: &Exit) -> io::Result<()>;
}

/// Cuts a text to at most `limit` bytes at a border of characters, and marks that it was cut.
pub(super) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let mut end = limit - '…'.len_utf8();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_with_many_leftovers_still_fits_an_evidence_file() {
        let leftover = (0..400).map(|pid| Leftover { pid, command: format!("worker \"{pid}\" {}", "x".repeat(80)) });
        let mut exit = Exit { leftover: leftover.collect(), ..Exit::not_started("y".repeat(5000)) };
        exit.fit();
        assert!(serde_json::to_string(&exit).unwrap().len() <= LONGEST_EXIT);
        assert_eq!(exit.leftover.len() + exit.leftover_more as usize, 400);
    }

    #[test]
    fn an_exit_that_fits_is_left_alone() {
        let mut exit = Exit { leftover: vec![Leftover { pid: 7, command: "sleep 9".into() }], ..Exit::default() };
        let before = exit.clone();
        exit.fit();
        assert_eq!(exit, before);
    }

    #[test]
    fn a_cut_is_at_a_border_of_characters() {
        let mut text = "ääääää".to_owned();
        cut(&mut text, 8);
        assert_eq!(text, "ää…");
    }

    #[test]
    fn the_words_of_the_journal_are_kept() {
        let exit = Exit { result: Ending::TimedOut, signal: Some(15), dur_ms: 3, ..Exit::default() };
        assert_eq!(serde_json::to_string(&exit).unwrap(), r#"{"result":"timed_out","signal":15,"dur_ms":3}"#);
    }

    #[test]
    fn the_first_cause_of_a_gap_stays() {
        let mut exit = Exit::default();
        exit.note_gap(None);
        exit.note_gap(Some("no space".into()));
        exit.note_gap(Some("later".into()));
        assert_eq!(exit.recording_gap.as_deref(), Some("no space"));
    }
}
