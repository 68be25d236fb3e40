//! The door of a terminal: a socket beside the evidence, through which one person at a time works in a program.
//!
//! Inwards go frames (what is typed, the size); outwards goes what the program shows, as it is. Its end is the end of
//! the program, or that somebody else came in.

use std::io::{self, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::spec::Size;

/// Longest input in one frame.
pub(super) const LONGEST: usize = 16 << 10;
const HEAD: usize = 3;

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Bytes for the program.
    Typed(Vec<u8>),
    /// The terminal of the person; the first frame of all.
    Size(Size),
}

impl Frame {
    /// As bytes; input must not be longer than [`LONGEST`].
    pub fn write(&self, to: &mut Vec<u8>) {
        let (tag, payload) = match self {
            Self::Typed(bytes) => (b'i', bytes.clone()),
            Self::Size(Size { cols, rows }) => (b's', [cols.to_be_bytes(), rows.to_be_bytes()].concat()),
        };
        to.push(tag);
        to.extend_from_slice(&u16::try_from(payload.len()).expect("a frame is short").to_be_bytes());
        to.extend_from_slice(&payload);
    }

    /// Takes the first whole frame; an error for what is none.
    pub fn take(from: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let [tag, high, low, ..] = from[..] else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if from.len() < HEAD + length {
            return Ok(None);
        }
        let payload: Vec<u8> = from.drain(..HEAD + length).skip(HEAD).collect();
        match (tag, &payload[..]) {
            (b'i', _) => Ok(Some(Self::Typed(payload))),
            (b's', [a, b, c, d]) => {
                Ok(Some(Self::Size(Size { cols: u16::from_be_bytes([*a, *b]), rows: u16::from_be_bytes([*c, *d]) })))
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// The door of the attempt that has this lock.
pub(super) fn beside(lock: &Path) -> PathBuf {
    lock.with_extension("door")
}

/// Opens a door; only who can enter its folder can find it.
pub(super) fn open(door: &Path) -> io::Result<UnixListener> {
    let _ = std::fs::remove_file(door);
    let listener = through(door, |short| UnixListener::bind(short))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Goes in with the size of one's own terminal.
pub(super) fn enter(door: &Path, size: Size) -> io::Result<UnixStream> {
    let mut stream = through(door, |short| UnixStream::connect(short))?;
    let mut frame = Vec::new();
    Frame::Size(size).write(&mut frame);
    stream.write_all(&frame)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// The address of a socket has little room, so a long path is gone by its folder.
#[cfg(target_os = "linux")]
pub(super) fn through<T>(door: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    use std::os::fd::AsRawFd;

    use rustix::fs::{Mode, OFlags, open};
    let (Some(folder), Some(name)) = (door.parent(), door.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = open(folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    act(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn through<T>(door: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    act(door)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_whatever_the_pieces() {
        let frames =
            [Frame::Size(Size { cols: 40, rows: 20 }), Frame::Typed(b":wq\r".to_vec()), Frame::Typed(Vec::new())];
        let mut bytes = Vec::new();
        for frame in &frames {
            frame.write(&mut bytes);
        }
        let (mut came, mut taken) = (Vec::new(), Vec::new());
        for byte in bytes {
            came.push(byte);
            taken.extend(Frame::take(&mut came).unwrap());
        }
        assert_eq!((taken.as_slice(), came.len()), (&frames[..], 0));
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert!(Frame::take(&mut b"x\0\0".to_vec()).is_err());
        assert!(Frame::take(&mut b"s\0\x01a".to_vec()).is_err());
    }

    #[test]
    fn a_door_may_lie_deep() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("d".repeat(150));
        std::fs::create_dir(&deep).unwrap();
        let door = deep.join("1-4-abcd.door");
        let listener = open(&door).unwrap();
        enter(&door, Size { cols: 80, rows: 24 }).unwrap();
        listener.accept().unwrap();
        open(&door).expect("what is left of an old one is no hindrance");
    }
}
