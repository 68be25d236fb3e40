//! A disk of which it is known what has reached it: a file, mounted as a file system.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Room for one run, in bytes; small, since it is copied often.
const SIZE: u64 = 12 << 20;
/// What is compared and kept at once, in bytes.
const BLOCK: usize = 4096;
/// How often it is tried to unmount what somebody still has open.
const TRIES: u32 = 100;

/// A mounted file; unmounted when it is dropped.
pub struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    /// A new file system, mounted there. Only what somebody syncs is written to it: its own interval is longer than any
    /// run here, and the kernel's is half a minute.
    pub fn new(image: &Path, at: &Path) -> Result<Self, String> {
        File::create(image).and_then(|file| file.set_len(SIZE)).map_err(|error| error.to_string())?;
        run("mkfs.ext4", &["-q", "-b", "1024", "-E", "lazy_itable_init=0,lazy_journal_init=0", text(image)])?;
        fs::create_dir_all(at).map_err(|error| error.to_string())?;
        Self::mount(image, at)
    }

    /// Mounts what had reached a disk, as at the boot after a cut: first it is repaired.
    pub fn after_a_cut(image: &Path, bytes: &[u8], at: &Path) -> Result<Self, String> {
        fs::write(image, bytes).map_err(|error| error.to_string())?;
        run("e2fsck", &["-p", text(image)])?;
        Self::mount(image, at)
    }

    fn mount(image: &Path, at: &Path) -> Result<Self, String> {
        run("mount", &["-o", "loop,commit=300", text(image), text(at)])?;
        Ok(Self { image: image.to_owned(), at: at.to_owned() })
    }

    /// The bytes that have reached the disk by now.
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(&self.image).expect("the image can be read")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let gone = (0..TRIES).any(|_| {
            let gone = run("umount", &[text(&self.at)]).is_ok();
            if !gone {
                std::thread::sleep(Duration::from_millis(50));
            }
            gone
        });
        if !gone {
            let _ = run("umount", &["-l", text(&self.at)]);
        }
        let _ = fs::remove_file(&self.image);
    }
}

/// What changed on a disk between two instants.
pub struct Delta(Vec<(usize, Vec<u8>)>);

impl Delta {
    pub fn between(before: &[u8], now: &[u8]) -> Self {
        let blocks = before.chunks(BLOCK).zip(now.chunks(BLOCK)).enumerate();
        Self(blocks.filter(|(_, (before, now))| before != now).map(|(at, (_, now))| (at, now.to_owned())).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn apply(&self, disk: &mut [u8]) {
        for (at, block) in &self.0 {
            disk[at * BLOCK..][..block.len()].copy_from_slice(block);
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of a test is text")
}

fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    // It ends in 1 where it repaired something, which a cut excuses.
    let repaired = program == "e2fsck" && output.status.code() == Some(1);
    if output.status.success() || repaired {
        return Ok(());
    }
    Err(format!("{program} {words:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}
