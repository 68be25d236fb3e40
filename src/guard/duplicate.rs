//! A thing made a second time elsewhere: contents, mode, owner where that is allowed, links as links.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Gid, Mode, Stat, Uid, chownat, fchmod, fchown, fstat, fsync, mkdirat, symlinkat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::entry::{mode_bits, mode_of};
use super::fault::failed;
use super::place::{Place, names};
use super::{Entry, GuardError};

/// What becomes of pipes, sockets and devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Specials {
    /// They are left out; a copy cannot hold what stands behind them.
    LeftOut,
    /// A node of the same kind is made, so that nothing is lost by a move.
    Made,
}

/// Makes what stands at `from` again at `to`, where nothing may stand; all of it durable, files read back.
pub(super) fn duplicate(from: &Place, to: &Place, specials: Specials) -> Result<(), GuardError> {
    let stat = from.stat()?.ok_or_else(|| GuardError::Moving(from.path.clone()))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => file(from, to)?,
        FileType::Directory => folder(from, to, specials)?,
        FileType::Symlink => link(from, to, &stat)?,
        kind if specials == Specials::Made => node(kind, &stat, to)?,
        _ => {}
    }
    to.sync_folder()
}

/// Makes a folder with everything in it again, where nothing may stand; all of it durable, files read back.
///
/// # Errors
/// What cannot be read or made, or is not what was read.
pub fn copy_folder(from: &Path, to: &Path) -> Result<(), GuardError> {
    duplicate(&Place::of_root(from)?, &Place::of_root(to)?, Specials::Made)
}

/// One file; its owner is set where the system allows it.
pub(super) fn file(from: &Place, to: &Place) -> Result<(), GuardError> {
    let mut source = File::from(from.open_file()?);
    let stat = fstat(&source).map_err(failed("look at", &from.path))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(GuardError::Moving(from.path.clone()));
    }
    let mut copy = File::from(to.create_file()?);
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = source.read(&mut buffer).map_err(failed("read", &from.path))?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        copy.write_all(&buffer[..count]).map_err(failed("write", &to.path))?;
    }
    // Read before the mode is set: the mode may not let its own owner read.
    copy.sync_all().map_err(failed("make durable", &to.path))?;
    let written = to.stat()?.ok_or_else(|| GuardError::Moving(to.path.clone()))?;
    if Entry::read(to, &written)?.sha256 != Some(crate::text::hex(&digest.finalize())) {
        return Err(GuardError::NotReadBack(from.path.clone()));
    }
    let copy = OwnedFd::from(copy);
    own(&copy, &stat, to)?;
    fchmod(&copy, mode_of(mode_bits(&stat))).map_err(failed("set the mode of", &to.path))?;
    fsync(&copy).map_err(failed("make durable", &to.path))
}

fn folder(from: &Place, to: &Place, specials: Specials) -> Result<(), GuardError> {
    mkdirat(&to.folder, &to.name, Mode::RWXU).map_err(failed("make the folder", &to.path))?;
    let (source, copy) = (from.open_folder()?, to.open_folder()?);
    for name in names(&source, &from.path)? {
        duplicate(&from.child(&source, &name)?, &to.child(&copy, &name)?, specials)?;
    }
    let stat = fstat(&source).map_err(failed("look at", &from.path))?;
    own(&copy, &stat, to)?;
    // The owner keeps the right to come in and tidy up.
    fchmod(&copy, mode_of(mode_bits(&stat) | 0o700)).map_err(failed("set the mode of", &to.path))?;
    fsync(&copy).map_err(failed("make durable", &to.path))
}

fn link(from: &Place, to: &Place, stat: &Stat) -> Result<(), GuardError> {
    symlinkat(from.read_link()?, &to.folder, &to.name).map_err(failed("make the link", &to.path))?;
    let (uid, gid) = owner(stat);
    allowed(chownat(&to.folder, &to.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW), to)
}

#[cfg(not(target_vendor = "apple"))]
fn node(kind: FileType, stat: &Stat, to: &Place) -> Result<(), GuardError> {
    rustix::fs::mknodat(&to.folder, &to.name, kind, mode_of(mode_bits(stat)), stat.st_rdev)
        .map_err(failed("make the special file", &to.path))
}

#[cfg(target_vendor = "apple")]
fn node(_: FileType, _: &Stat, to: &Place) -> Result<(), GuardError> {
    Err(failed("make the special file", &to.path)(Errno::NOTSUP))
}

fn own(copy: &OwnedFd, stat: &Stat, to: &Place) -> Result<(), GuardError> {
    let (uid, gid) = owner(stat);
    allowed(fchown(copy, Some(uid), Some(gid)), to)
}

fn owner(stat: &Stat) -> (Uid, Gid) {
    (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid))
}

/// Only root may give files away; the manifest remembers whose they were.
fn allowed(result: rustix::io::Result<()>, to: &Place) -> Result<(), GuardError> {
    match result {
        Ok(()) | Err(Errno::PERM) => Ok(()),
        Err(errno) => Err(failed("set the owner of", &to.path)(errno)),
    }
}
