//! One thread for each stream of a command: pipe, filter, blob, in chunks, with bounded memory.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use os_pipe::{PipeReader, PipeWriter};
use rustix::event::{PollFd, PollFlags, poll};

use super::attend::Message;
use super::blob::Blob;
use super::facts::StreamFacts;
use super::filter::Filter;

/// As much as a pipe can hold; read at once where it is there.
const CHUNK: usize = 256 << 10;
const PIPE: usize = 1 << 20;

/// A stream being pumped.
pub(super) struct Pump {
    thread: JoinHandle<Pumped>,
    /// Closing it tells the thread to take what is there and end.
    stop: PipeWriter,
    grown: Arc<Grown>,
}

/// What is known when a stream has ended, or was given up.
pub(super) struct Pumped {
    pub facts: StreamFacts,
    pub gap: Option<String>,
    pub redacted: std::collections::BTreeMap<String, u64>,
    /// The pipe, if somebody still holds its other end.
    pub open: Option<PipeReader>,
    /// The recording, where it is a terminal.
    pub cast: Option<StreamFacts>,
}

/// How much has come; a notice of it is pending or not, so that a slow reader costs one notice and not a queue of them.
pub(super) struct Grown {
    bytes: AtomicU64,
    told: AtomicBool,
    tell: Sender<Message>,
}

impl Grown {
    /// So many bytes more have come.
    pub fn note(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        if !self.told.swap(true, Ordering::AcqRel) {
            let _ = self.tell.send(Message::Grown);
        }
    }
}

impl Pump {
    /// A pipe for a command to write to, and the pump at its other end.
    pub fn start(blob: &Path, filter: Box<dyn Filter>, tell: Sender<Message>) -> io::Result<(Self, PipeWriter)> {
        let (reader, writer) = os_pipe::pipe()?;
        // A larger pipe means fewer switches between writer and reader; the ordinary size does as well.
        #[cfg(target_os = "linux")]
        let _ = rustix::pipe::fcntl_setpipe_size(&reader, PIPE);
        let blob = Blob::create(blob);
        let pump = Self::spawn(tell, move |stopped, grown| pump(reader, stopped, Sink { blob, filter, grown }))?;
        Ok((pump, writer))
    }

    /// A thread that takes a stream to the disk, until it ends or something comes over the pipe it is given.
    pub fn spawn(
        tell: Sender<Message>,
        work: impl FnOnce(&PipeReader, &Grown) -> Pumped + Send + 'static,
    ) -> io::Result<Self> {
        let (stopped, stop) = os_pipe::pipe()?;
        let grown = Arc::new(Grown { bytes: AtomicU64::new(0), told: AtomicBool::new(false), tell: tell.clone() });
        let shared = Arc::clone(&grown);
        let thread = std::thread::Builder::new().name("pump".into()).spawn(move || {
            let pumped = work(&stopped, &shared);
            let _ = tell.send(Message::Drained);
            pumped
        })?;
        Ok(Self { thread, stop, grown })
    }

    /// Bytes that have come; the next growth will be told again.
    pub fn grown(&self) -> u64 {
        self.grown.told.store(false, Ordering::Release);
        self.grown.bytes.load(Ordering::Acquire)
    }

    /// Ends the pump: what is in the pipe is still taken, what comes later is not.
    pub fn stop(self) -> Pumped {
        drop(self.stop);
        self.thread.join().expect("a pump does not panic")
    }
}

struct Sink<'a> {
    blob: Blob,
    filter: Box<dyn Filter>,
    grown: &'a Grown,
}

impl Sink<'_> {
    fn take(&mut self, bytes: &[u8], spare: &mut Vec<u8>) {
        self.blob.write(self.filter.through(bytes, spare));
        self.grown.note(bytes.len() as u64);
    }
}

fn pump(mut reader: PipeReader, stopped: &PipeReader, mut sink: Sink<'_>) -> Pumped {
    let mut buffer = vec![0; CHUNK];
    let mut spare = Vec::new();
    let mut rest = PIPE;
    let mut at_end = false;
    loop {
        let Ready { data, stop } = wait(&reader, stopped);
        if stop && (!data || rest == 0) {
            break;
        }
        if !data {
            continue;
        }
        match reader.read(&mut buffer) {
            Ok(0) => {
                at_end = true;
                break;
            }
            Ok(count) => {
                sink.take(&buffer[..count], &mut spare);
                if stop {
                    rest = rest.saturating_sub(count);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    spare.clear();
    sink.filter.finish(&mut spare);
    sink.blob.write(&spare);
    let (facts, gap) = sink.blob.finish(at_end);
    Pumped { facts, gap, redacted: sink.filter.counts(), open: (!at_end).then_some(reader), cast: None }
}

struct Ready {
    data: bool,
    stop: bool,
}

fn wait(reader: &PipeReader, stopped: &PipeReader) -> Ready {
    let mut watched = [PollFd::new(reader, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
    // A signal wakes it early; then nothing is ready and it is called again.
    let _ = poll(&mut watched, None);
    Ready { data: !watched[0].revents().is_empty(), stop: !watched[1].revents().is_empty() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::channel;

    use super::*;
    use crate::exec::filter::PassThrough;

    #[test]
    fn what_is_written_is_in_the_blob_when_the_pipe_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let (tell, told) = channel();
        let blob = folder.path().join("a.out");
        let (pump, mut writer) = Pump::start(&blob, Box::new(PassThrough), tell).unwrap();
        writer.write_all(b"one\ntwo\n").unwrap();
        drop(writer);
        while !matches!(told.recv().unwrap(), Message::Drained) {}
        assert_eq!(pump.grown(), 8);
        let pumped = pump.stop();
        assert_eq!(std::fs::read(blob).unwrap(), b"one\ntwo\n");
        assert!(pumped.facts.drained && pumped.open.is_none() && pumped.gap.is_none());
    }

    #[test]
    fn a_pipe_that_stays_open_does_not_hold_the_pump() {
        let folder = tempfile::tempdir().unwrap();
        let (tell, _told) = channel();
        let (pump, mut writer) = Pump::start(&folder.path().join("b.out"), Box::new(PassThrough), tell).unwrap();
        writer.write_all(b"still here\n").unwrap();
        let pumped = pump.stop();
        assert_eq!((pumped.facts.bytes, pumped.facts.drained), (11, false));
        assert!(pumped.open.is_some());
        drop(writer);
    }

    #[test]
    fn growth_is_told_once_until_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (tell, told) = channel();
        let (pump, mut writer) = Pump::start(&folder.path().join("c.out"), Box::new(PassThrough), tell).unwrap();
        let chunk = vec![b'x'; CHUNK];
        for _ in 0..50 {
            writer.write_all(&chunk).unwrap();
        }
        drop(writer);
        while !matches!(told.recv().unwrap(), Message::Drained) {}
        assert!(told.try_recv().is_err(), "one `Grown` came before `Drained`, and no more");
        assert_eq!(pump.grown(), 50 * CHUNK as u64);
    }
}
