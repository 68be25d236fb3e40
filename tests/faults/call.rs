//! One call of the system, as far as it concerns what a run leaves behind.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc::{self, user_regs_struct};
use nix::unistd::Pid;

/// The call itself, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Write,
    Sync,
    Open,
    Rename,
    Truncate,
    Fallocate,
    MakeFolder,
    Mode,
    Remove,
    Lock,
    Execve,
    Clone,
}

/// Before a call is made, or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    Before,
    After,
}

/// A call with what it is about.
#[derive(Clone, Debug)]
pub struct Call {
    pub kind: Kind,
    /// The file or folder, below the folder that is watched; the program of an `execve`.
    pub path: String,
    /// Whether an open may make or change the file.
    pub writes: bool,
    /// What it returned; nothing before it was made.
    pub result: i64,
}

impl Call {
    /// What such a call can fail with.
    pub fn errors(&self) -> &'static [Errno] {
        match self.kind {
            Kind::Write | Kind::Sync | Kind::Fallocate => &[Errno::EIO, Errno::ENOSPC],
            Kind::Open if !self.writes => &[Errno::EIO],
            Kind::Open | Kind::Rename | Kind::MakeFolder => &[Errno::EIO, Errno::ENOSPC, Errno::EROFS],
            Kind::Truncate | Kind::Mode | Kind::Remove => &[Errno::EIO, Errno::EROFS],
            Kind::Lock => &[Errno::ENOLCK],
            Kind::Execve => &[Errno::EIO, Errno::ENOMEM],
            Kind::Clone => &[Errno::EAGAIN, Errno::ENOMEM],
        }
    }

    /// Without the names that are drawn anew for each run.
    pub fn place(&self) -> String {
        let part = |part: &str| {
            if part.starts_with(".tmp") {
                return "*".to_owned();
            }
            let (stem, end) = part.rsplit_once('.').unwrap_or((part, ""));
            let drawn = stem.len() == 64 || stem.starts_with("1-") || stem.len() == 7 && stem.contains('-');
            if drawn { format!("*{}{end}", if end.is_empty() { "" } else { "." }) } else { part.to_owned() }
        };
        format!("{:?} {}", self.kind, self.path.split('/').map(part).collect::<Vec<_>>().join("/"))
    }
}

/// Where a call says what it is about.
#[derive(Clone, Copy)]
enum About {
    /// The descriptor in this place.
    Descriptor(usize),
    /// The path in this place.
    Path(usize),
    Program(usize),
    Nothing,
}

/// The call that a stopped thread is about to make, where it is one that is told.
pub fn read_call(pid: Pid, registers: &user_regs_struct, folder: &Path, program: &Path) -> Option<Call> {
    let arguments = [registers.rdi, registers.rsi, registers.rdx, registers.r10];
    let (kind, about) = known(registers.orig_rax.cast_signed())?;
    let whole = match about {
        About::Descriptor(at) => fs::read_link(format!("/proc/{pid}/fd/{}", arguments[at].cast_signed())).ok()?,
        About::Path(at) => path_at(pid, arguments[at])?,
        About::Program(at) => {
            let path = path_at(pid, arguments[at])?;
            return ours(pid, program).then(|| Call::of(kind, path.display().to_string()));
        }
        About::Nothing => return ours(pid, program).then(|| Call::of(kind, String::new())),
    };
    let path = whole.strip_prefix(folder).ok()?.display().to_string();
    let writes = kind == Kind::Open && arguments[2].cast_signed() & i64::from(libc::O_ACCMODE | libc::O_CREAT) != 0;
    Some(Call { writes, ..Call::of(kind, path) })
}

impl Call {
    fn of(kind: Kind, path: String) -> Self {
        Self { kind, path, writes: false, result: 0 }
    }
}

fn known(number: i64) -> Option<(Kind, About)> {
    Some(match number {
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_sendfile => {
            (Kind::Write, About::Descriptor(0))
        }
        libc::SYS_fsync | libc::SYS_fdatasync => (Kind::Sync, About::Descriptor(0)),
        libc::SYS_openat => (Kind::Open, About::Path(1)),
        libc::SYS_rename => (Kind::Rename, About::Path(1)),
        libc::SYS_renameat | libc::SYS_renameat2 => (Kind::Rename, About::Path(3)),
        libc::SYS_ftruncate => (Kind::Truncate, About::Descriptor(0)),
        libc::SYS_fallocate => (Kind::Fallocate, About::Descriptor(0)),
        libc::SYS_copy_file_range => (Kind::Write, About::Descriptor(2)),
        libc::SYS_mkdir => (Kind::MakeFolder, About::Path(0)),
        libc::SYS_mkdirat => (Kind::MakeFolder, About::Path(1)),
        libc::SYS_chmod => (Kind::Mode, About::Path(0)),
        libc::SYS_fchmod => (Kind::Mode, About::Descriptor(0)),
        libc::SYS_unlink | libc::SYS_rmdir => (Kind::Remove, About::Path(0)),
        libc::SYS_unlinkat => (Kind::Remove, About::Path(1)),
        libc::SYS_flock => (Kind::Lock, About::Descriptor(0)),
        libc::SYS_execve => (Kind::Execve, About::Program(0)),
        libc::SYS_clone | libc::SYS_clone3 | libc::SYS_fork | libc::SYS_vfork => (Kind::Clone, About::Nothing),
        _ => return None,
    })
}

/// Whether a process is this program, and not a command that it became or started.
fn ours(pid: Pid, program: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program)
}

fn path_at(pid: Pid, address: u64) -> Option<PathBuf> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut bytes = Vec::new();
    let mut page = [0; 256];
    while bytes.len() < 4096 && !bytes.contains(&0) {
        // A text may end just before memory that cannot be read.
        let at = address + bytes.len() as u64;
        let until_page = usize::try_from(4096 - at % 4096).unwrap_or(1).min(page.len());
        let read = memory.read_at(&mut page[..until_page], at).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&page[..read]);
    }
    let end = bytes.iter().position(|byte| *byte == 0)?;
    bytes.truncate(end);
    let path = PathBuf::from(String::from_utf8(bytes).ok()?);
    if path.is_absolute() {
        return Some(path);
    }
    Some(fs::read_link(format!("/proc/{pid}/cwd")).ok()?.join(path))
}
