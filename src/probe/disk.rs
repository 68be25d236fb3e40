//! How much room is left on a file system: bytes, and inodes where it counts them.

use std::path::Path;

use rustix::fs::{StatVfs, StatVfsMountFlags, statvfs};

use super::words::span;
use super::{PATIENCE, Probed, Verdict, waited};
use crate::text::amount::{Amount, bytes_text};

/// Looks at the file system on which a path lies. At least one of the two limits is given.
pub fn look(path: &Path, used_below: Option<Amount>, free_above: Option<Amount>) -> Probed {
    let shown = path.display();
    match measure(path) {
        Err(reason) => Probed::new(Verdict::CannotTell, format!("cannot look at the room on `{shown}`: {reason}")),
        Ok(found) => judge(&found, used_below, free_above),
    }
}

/// A network file system whose server is gone does not answer.
fn measure(path: &Path) -> Result<StatVfs, String> {
    let asked = path.to_owned();
    match waited::within(PATIENCE, move || statvfs(&asked)) {
        Some(Ok(found)) => Ok(found),
        Some(Err(rustix::io::Errno::NOENT)) => Err("it does not exist".to_owned()),
        Some(Err(rustix::io::Errno::ACCESS)) => Err("this account may not enter its folder".to_owned()),
        Some(Err(errno)) => Err(std::io::Error::from(errno).to_string()),
        None => Err(format!("no answer within {}; is it on a machine that is away?", span(PATIENCE))),
    }
}

/// Room of one sort.
struct Room {
    used: u64,
    /// For programs that are not root.
    free: u64,
}

impl Room {
    fn of(total: u64, unused: u64, free: u64) -> Option<Self> {
        (total > 0).then(|| Self { used: total.saturating_sub(unused), free })
    }

    /// As `df` counts: what is kept for root is neither used nor free.
    fn whole(&self) -> u128 {
        (u128::from(self.used) + u128::from(self.free)).max(1)
    }

    /// In tenths of a percent.
    fn used_permille(&self) -> u128 {
        u128::from(self.used) * 1_000 / self.whole()
    }

    fn is_used_below(&self, percent: u8) -> bool {
        u128::from(self.used) * 100 < self.whole() * u128::from(percent)
    }

    fn is_free_above(&self, percent: u8) -> bool {
        u128::from(self.free) * 100 > self.whole() * u128::from(percent)
    }

    fn percent(&self) -> String {
        format!("{}.{}", self.used_permille() / 10, self.used_permille() % 10)
    }
}

fn judge(found: &StatVfs, used_below: Option<Amount>, free_above: Option<Amount>) -> Probed {
    let size = found.f_frsize.max(1);
    let bytes = |blocks: u64| blocks.saturating_mul(size);
    let Some(room) = Room::of(bytes(found.f_blocks), bytes(found.f_bfree), bytes(found.f_bavail)) else {
        return Probed::new(Verdict::CannotTell, "this file system has no room that could be counted");
    };
    let whole = bytes_text(u64::try_from(room.whole()).unwrap_or(u64::MAX));
    let mut probed = Probed::new(
        verdict(limits_of_bytes(&room, used_below, free_above)),
        format!("{} % of {whole} used, {} free", room.percent(), bytes_text(room.free))
            + &asked(used_below, free_above),
    );
    let mut value = |name: &str, value: String| _ = probed.values.insert(name.to_owned(), value);
    value("bytes_used", room.used.to_string());
    value("bytes_free", room.free.to_string());
    value("percent_used", room.percent());
    let inodes = Room::of(found.f_files, found.f_ffree, found.f_favail);
    if let Some(inodes) = &inodes {
        value("inodes_used", inodes.used.to_string());
        value("inodes_free", inodes.free.to_string());
        value("percent_inodes_used", inodes.percent());
    }
    let of_all = [used_below, free_above].into_iter().flatten().any(|amount| matches!(amount, Amount::Percent(_)));
    match inodes {
        Some(inodes) if of_all => {
            let line = format!("{} % of {} inodes used, {} free", inodes.percent(), inodes.whole(), inodes.free);
            probed.add(verdict(limits_of_inodes(&inodes, used_below, free_above)), line);
        }
        None if of_all => probed.add(Verdict::Ok, "it counts no inodes"),
        _ => {}
    }
    if found.f_flag.contains(StatVfsMountFlags::RDONLY) {
        probed.add(Verdict::Ok, "it is mounted read-only: nothing can be written whatever is free");
    }
    probed
}

fn verdict(holds: bool) -> Verdict {
    if holds { Verdict::Ok } else { Verdict::Fault }
}

fn limits_of_bytes(room: &Room, used_below: Option<Amount>, free_above: Option<Amount>) -> bool {
    let used = used_below.is_none_or(|limit| match limit {
        Amount::Percent(percent) => room.is_used_below(percent),
        Amount::Bytes(bytes) => room.used < bytes,
    });
    let free = free_above.is_none_or(|limit| match limit {
        Amount::Percent(percent) => room.is_free_above(percent),
        Amount::Bytes(bytes) => room.free > bytes,
    });
    used && free
}

/// Only shares can be meant of inodes.
fn limits_of_inodes(room: &Room, used_below: Option<Amount>, free_above: Option<Amount>) -> bool {
    let used = !matches!(used_below, Some(Amount::Percent(percent)) if !room.is_used_below(percent));
    let free = !matches!(free_above, Some(Amount::Percent(percent)) if !room.is_free_above(percent));
    used && free
}

fn asked(used_below: Option<Amount>, free_above: Option<Amount>) -> String {
    let used = used_below.map(|limit| format!("less than {limit} used"));
    let free = free_above.map(|limit| format!("more than {limit} free"));
    let all: Vec<_> = used.into_iter().chain(free).collect();
    format!(", asked for {}", all.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(blocks: u64, unused: u64, free: u64, files: u64, files_free: u64) -> StatVfs {
        let mut found = statvfs("/").unwrap();
        (found.f_frsize, found.f_blocks, found.f_bfree, found.f_bavail) = (4_096, blocks, unused, free);
        (found.f_files, found.f_ffree, found.f_favail) = (files, files_free, files_free);
        found.f_flag = StatVfsMountFlags::empty();
        found
    }

    const GIB: u64 = (1 << 30) / 4_096;

    #[test]
    fn a_full_disk_is_told_with_units() {
        let full = room(31 * GIB, GIB, GIB / 2, 1_000, 900);
        let said = judge(&full, Some(Amount::Percent(90)), None);
        assert_eq!(said.verdict, Verdict::Fault);
        assert_eq!(
            said.lines,
            [
                "98.3 % of 30.5 GiB used, 512 MiB free, asked for less than 90 % used",
                "10.0 % of 1000 inodes used, 900 free"
            ]
        );
        assert_eq!((said.values["bytes_free"].as_str(), said.values["percent_used"].as_str()), ("536870912", "98.3"));
    }

    #[test]
    fn a_disk_with_room_and_without_inodes_is_full_too() {
        let full = room(31 * GIB, 30 * GIB, 30 * GIB, 1_000, 5);
        let said = judge(&full, Some(Amount::Percent(90)), None);
        assert_eq!((said.verdict, said.lines[1].as_str()), (Verdict::Fault, "99.5 % of 1000 inodes used, 5 free"));
        assert_eq!(judge(&full, None, Some(Amount::Bytes(1 << 30))).verdict, Verdict::Ok, "bytes are asked for");
        assert_eq!(judge(&full, None, Some(Amount::Percent(10))).verdict, Verdict::Fault);
    }

    #[test]
    fn the_border_itself_is_a_fault() {
        let half = room(100, 50, 50, 0, 0);
        let verdict = |used, free| judge(&half, used, free).verdict;
        assert_eq!(verdict(Some(Amount::Percent(50)), None), Verdict::Fault);
        assert_eq!(verdict(Some(Amount::Percent(51)), None), Verdict::Ok);
        assert_eq!(verdict(None, Some(Amount::Percent(50))), Verdict::Fault);
        assert_eq!(verdict(None, Some(Amount::Percent(49))), Verdict::Ok);
        assert_eq!(verdict(None, Some(Amount::Bytes(50 * 4_096))), Verdict::Fault);
        assert_eq!(verdict(None, Some(Amount::Bytes(50 * 4_096 - 1))), Verdict::Ok);
        assert_eq!(verdict(Some(Amount::Bytes(50 * 4_096)), None), Verdict::Fault);
        assert_eq!(verdict(Some(Amount::Percent(51)), Some(Amount::Percent(50))), Verdict::Fault, "both must hold");
    }

    #[test]
    fn what_counts_no_inodes_says_so() {
        assert_eq!(judge(&room(100, 99, 99, 0, 0), Some(Amount::Percent(50)), None).lines[1], "it counts no inodes");
    }

    #[test]
    fn a_real_file_system_is_measured_and_a_pseudo_one_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        let said = look(folder.path(), Some(Amount::Bytes(u64::MAX)), None);
        assert_eq!(said.verdict, Verdict::Ok, "{said:?}");
        assert!(said.values["bytes_free"].parse::<u64>().is_ok());
        let said = look(&folder.path().join("none"), None, Some(Amount::Bytes(1)));
        assert_eq!(said.verdict, Verdict::CannotTell);
        assert!(said.lines[0].ends_with("it does not exist"), "{said:?}");
        if Path::new("/proc/self").exists() {
            assert_eq!(look(Path::new("/proc"), None, Some(Amount::Bytes(1))).verdict, Verdict::CannotTell);
        }
    }
}
