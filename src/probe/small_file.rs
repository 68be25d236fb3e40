//! Small files of the system's configuration, read within a limit.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes that are read of a file at most.
const LIMIT: u64 = 256 * 1024;

/// Its text; none where it cannot be read.
pub fn text(path: &Path) -> Option<String> {
    let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|found| found.is_file()))?;
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
