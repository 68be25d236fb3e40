//! Is the clock of this machine right? A server is asked for the time, since what a local program believes of itself
//! (that it is "synchronised") is what may be wrong.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::sntp::{self, Offset, Trouble};
use super::words::span;
use super::{PATIENCE, Probed, Verdict, net, small_file};

/// The word for "the servers that this machine is set up with".
pub const CONFIGURED: &str = "configured";

/// Where machines name their servers, in the order in which they are looked at; a folder stands for its files.
const CONFIGURATIONS: [&str; 9] = [
    "etc/chrony/chrony.conf",
    "etc/chrony.conf",
    "etc/chrony/sources.d",
    "etc/chrony/conf.d",
    "etc/systemd/timesyncd.conf",
    "etc/systemd/timesyncd.conf.d",
    "etc/ntpsec/ntp.conf",
    "etc/ntp.conf",
    "run/systemd/timesyncd.conf.d",
];
/// Servers that are asked at most.
const MOST: usize = 4;

/// Asks a server, or the first of the machine's own that answers.
pub fn look(server: &str, within: Duration, now: DateTime<Utc>) -> Probed {
    look_from(Path::new("/"), server, within, now)
}

fn look_from(root: &Path, server: &str, within: Duration, now: DateTime<Utc>) -> Probed {
    let begun = Instant::now();
    let cannot = |reason: String| Probed::new(Verdict::CannotTell, reason);
    let servers = if server == CONFIGURED { configured(root) } else { vec![server.to_owned()] };
    if servers.is_empty() {
        let reason = "this machine names no server in the configuration of chrony, systemd-timesyncd or ntpd; \
                      name one instead of `configured`";
        return cannot(reason.to_owned());
    }
    let mut trouble = String::new();
    let share = PATIENCE / u32::try_from(servers.len()).unwrap_or(1);
    for server in &servers {
        match ask(server, now, begun, share) {
            Ok(found) => return judge(server, &found, within),
            Err(reason) if trouble.is_empty() => trouble = reason,
            Err(_) => {}
        }
    }
    cannot(trouble)
}

fn ask(server: &str, now: DateTime<Utc>, begun: Instant, within: Duration) -> Result<Offset, String> {
    let addresses = net::addresses(server, 123, within).map_err(|reason| reason.to_string())?;
    let address: SocketAddr = *addresses.first().ok_or("the name leads nowhere")?;
    sntp::ask(address, now, begun, within).map_err(|trouble| match trouble {
        Trouble::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            format!("no NTP server listens at {server}")
        }
        Trouble::Io(error) if net::is_silence(&error) => {
            format!("no answer from the NTP server {server} within {}", span(within))
        }
        Trouble::Io(error) => format!("the NTP server {server} cannot be reached: {error}"),
        Trouble::NotSet => format!("the NTP server {server} says that its own clock is not set"),
        Trouble::Refused(why) => format!("the NTP server {server} does not want to be asked ({why})"),
    })
}

/// What is sure is said; between the two lies what a server so far away cannot tell.
fn judge(server: &str, found: &Offset, within: Duration) -> Probed {
    let within_delta = TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX);
    let off = found.by.abs();
    let verdict = if off + found.error <= within_delta {
        Verdict::Ok
    } else if off - found.error > within_delta {
        Verdict::Fault
    } else {
        Verdict::CannotTell
    };
    let text = |delta: TimeDelta| span(delta.to_std().unwrap_or_default());
    let direction = if found.by > TimeDelta::zero() { "behind" } else { "ahead of" };
    let asked = match verdict {
        Verdict::Ok => String::new(),
        Verdict::Fault => format!("; asked for at most {}", text(within_delta)),
        Verdict::CannotTell => format!("; too vague to tell whether that is within {}", text(within_delta)),
    };
    let line = format!("this clock is {} {direction} {server}, give or take {}{asked}", text(off), text(found.error));
    let mut probed = Probed::new(verdict, line);
    let mut value = |name: &str, value: String| _ = probed.values.insert(name.to_owned(), value);
    value("offset_milliseconds", found.by.num_milliseconds().to_string());
    value("error_milliseconds", found.error.num_milliseconds().to_string());
    value("stratum", found.stratum.to_string());
    value("server", server.to_owned());
    probed
}

/// The servers that the machine's own time-keeper is set up with.
fn configured(root: &Path) -> Vec<String> {
    let mut servers: Vec<String> = Vec::new();
    for path in CONFIGURATIONS {
        for text in texts(&root.join(path)) {
            for server in text.lines().flat_map(named) {
                if !servers.contains(&server) {
                    servers.push(server);
                }
            }
        }
    }
    servers.truncate(MOST);
    servers
}

/// A file, or the files of a folder in the order of their names.
fn texts(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return small_file::text(path).into_iter().collect() };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().filter_map(|path| small_file::text(path)).collect()
}

/// The servers in a line: `server HOST …` and `pool HOST …`, or `NTP=HOST HOST`.
fn named(line: &str) -> Vec<String> {
    let line = line.split('#').next().unwrap_or_default().trim();
    if let Some((_, hosts)) = line.split_once('=').filter(|(name, _)| ["NTP", "FallbackNTP"].contains(&name.trim())) {
        return hosts.split_whitespace().map(str::to_owned).collect();
    }
    let mut words = line.split_whitespace();
    match words.next() {
        Some("server" | "pool" | "peer") => words.next().map(str::to_owned).into_iter().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sntp::tests::server;
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the real clock")]
    fn ask_at(root: &Path, server: &str, within: Duration) -> Probed {
        look_from(root, server, within, Utc::now())
    }

    #[test]
    fn a_clock_that_is_right_is_good_and_one_that_is_not_is_a_fault() {
        let (right, wrong) = (server(TimeDelta::zero(), |_| ()), server(TimeDelta::seconds(90), |_| ()));
        let ask =
            |server: SocketAddr, millis| ask_at(Path::new("/"), &server.to_string(), Duration::from_millis(millis));
        let said = ask(right, 1_000);
        assert_eq!(said.verdict, Verdict::Ok, "{said:?}");
        assert!(said.lines[0].starts_with("this clock is ") && said.lines[0].contains("give or take "), "{said:?}");
        let said = ask(wrong, 1_000);
        assert_eq!(said.verdict, Verdict::Fault);
        assert!(
            said.lines[0].contains(" behind 127.0.0.1:") && said.lines[0].ends_with("; asked for at most 1000 ms"),
            "{said:?}"
        );
        let offset: i64 = said.values["offset_milliseconds"].parse().unwrap();
        assert!((89_000..91_000).contains(&offset), "{offset}");
        assert_eq!(ask(wrong, 120_000).verdict, Verdict::Ok);
    }

    #[test]
    fn what_is_within_the_error_cannot_be_told() {
        let vague = server(TimeDelta::zero(), |answer| answer[8..12].copy_from_slice(&[0, 2, 0, 0]));
        let said = ask_at(Path::new("/"), &vague.to_string(), Duration::from_secs(1));
        assert_eq!(said.verdict, Verdict::CannotTell);
        assert!(said.lines[0].contains("too vague to tell"), "{said:?}");
    }

    #[test]
    fn the_machines_own_servers_are_asked_in_order() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: String| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let ask = || ask_at(root.path(), CONFIGURED, Duration::from_secs(1));
        assert!(ask().lines[0].contains("names no server"), "{:?}", ask());
        let real = server(TimeDelta::zero(), |_| ());
        write("etc/systemd/timesyncd.conf", format!("[Time]\n#NTP=commented\nNTP={real}\nFallbackNTP=mio.invalid\n"));
        assert_eq!(ask().values["server"], real.to_string());
        write("etc/chrony/chrony.conf", "# pool x\npool kengo.invalid iburst\nserver 127.0.0.1:1 # old\n".to_owned());
        write("etc/chrony/sources.d/a.sources", "peer masato.invalid\n".to_owned());
        assert_eq!(configured(root.path()), ["kengo.invalid", "127.0.0.1:1", "masato.invalid", &real.to_string()]);
        assert_eq!(ask().verdict, Verdict::Ok, "three that do not answer stand before one that does");
    }

    #[test]
    fn a_server_that_is_not_there_leaves_it_open() {
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let said = ask_at(Path::new("/"), &closed.to_string(), Duration::from_secs(1));
        assert_eq!(
            (said.verdict, said.lines),
            (Verdict::CannotTell, vec![format!("no NTP server listens at {closed}")])
        );
    }
}
