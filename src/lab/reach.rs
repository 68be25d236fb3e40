//! What a drill may touch: its own folder, and this machine's loopback.

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

/// Does a path lead into the folder, links followed? What does not exist yet counts by the folder it would be in.
pub fn inside(folder: &Path, path: &Path) -> bool {
    let Ok(folder) = fs::canonicalize(folder) else { return false };
    real(path).is_some_and(|path| path.starts_with(folder))
}

/// Where an absolute path leads; none if that cannot be said.
fn real(path: &Path) -> Option<PathBuf> {
    if !path.is_absolute() {
        return None;
    }
    let mut rest: Vec<OsString> = Vec::new();
    let mut at = path;
    loop {
        if let Ok(real) = fs::canonicalize(at) {
            return Some(real.join(rest.iter().rev().collect::<PathBuf>()));
        }
        // A link that leads nowhere now may lead anywhere later.
        if fs::symlink_metadata(at).is_ok() {
            return None;
        }
        match at.components().next_back()? {
            Component::Normal(name) => rest.push(name.to_owned()),
            _ => return None,
        }
        at = at.parent()?;
    }
}

/// Is `host:port` on this machine's loopback? Names other than `localhost` are not: they may lead anywhere.
pub fn is_loopback(host_port: &str) -> bool {
    let Some((host, port)) = host_port.rsplit_once(':') else { return false };
    if !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return false;
    }
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|rest| rest.contains(':')),
        None => Some(host).filter(|host| !host.contains(':')),
    };
    let loopback = |bare: &str| bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
    bare.is_some_and(|bare| bare == "localhost" || loopback(bare))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_really_lies_in_the_folder_is_inside() {
        let world = tempfile::tempdir().unwrap();
        let lab = world.path().join("lab");
        fs::create_dir_all(lab.join("pki")).unwrap();
        fs::create_dir(world.path().join("lab2")).unwrap();
        symlink(world.path(), lab.join("out")).unwrap();
        symlink("gone", lab.join("dangling")).unwrap();
        symlink(&lab, world.path().join("in")).unwrap();
        for good in ["lab", "lab/pki", "lab/pki/not/yet", "lab/pki/../pki", "in/pki", "lab/out/lab/pki"] {
            assert!(inside(&lab, &world.path().join(good)), "{good}");
        }
        for bad in ["", "lab2", "lab/..", "lab/../lab2", "lab/out", "lab/out/x", "lab/dangling", "lab/none/../../x"] {
            assert!(!inside(&lab, &world.path().join(bad)), "{bad}");
        }
        assert!(!inside(&lab, Path::new("lab")) && !inside(&lab, Path::new("/etc/kubernetes")));
        assert!(!inside(&world.path().join("none"), &lab));
    }

    #[test]
    fn only_the_loopback_is_the_loopback() {
        for good in ["127.0.0.1:1", "127.8.9.1:65535", "localhost:443", "[::1]:443", "[::ffff:127.0.0.1]:80"] {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "127.0.0.1:0",
            "127.0.0.1:70000",
            "10.0.0.1:1",
            "0.0.0.0:1",
            "kyousuke:443",
            "::1:443",
            "localhost.kyousuke:1",
            "127.0.0.1.kyousuke:1",
            "[127.0.0.1]:1",
            "[::2]:1",
            ":1",
            "",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
