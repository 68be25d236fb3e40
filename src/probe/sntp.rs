//! What time a server says it is, and how sure it is of that (RFC 5905, client mode).

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::net;
use crate::host::random;

/// The clock of this machine beside that of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// How much has to be added to this clock.
    pub by: TimeDelta,
    /// How far that can be wrong: half the way there and back, and what the server says of itself.
    pub error: TimeDelta,
    /// How many servers stand between it and a clock.
    pub stratum: u8,
}

/// Why the time of a server is of no use.
#[derive(Debug)]
pub enum Trouble {
    Io(std::io::Error),
    /// It knows itself that its clock is not set.
    NotSet,
    /// It does not want to be asked; four letters say why.
    Refused(String),
}

/// Seconds between 1900, where NTP begins to count, and 1970.
const FROM_1900: i64 = 2_208_988_800;
/// The length of a message.
const LENGTH: usize = 48;

/// Asks once. `now` was this machine's time when `begun` was.
pub fn ask(server: SocketAddr, now: DateTime<Utc>, begun: Instant, within: Duration) -> Result<Offset, Trouble> {
    let socket = net::udp(server).map_err(Trouble::Io)?;
    // The time of this machine is nobody's business, and what cannot be guessed cannot be forged.
    let cookie: [u8; 8] = random::bytes();
    let mut message = [0; LENGTH];
    message[0] = 0b00_100_011;
    message[40..].copy_from_slice(&cookie);
    let until = Instant::now() + within;
    let sent = now + since(begun);
    socket.send(&message).map_err(Trouble::Io)?;
    let mut buffer = [0; 512];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Io(ErrorKind::TimedOut.into()));
        }
        socket.set_read_timeout(Some(left)).map_err(Trouble::Io)?;
        let length = socket.recv(&mut buffer).map_err(Trouble::Io)?;
        let heard = now + since(begun);
        if length >= LENGTH && buffer[24..32] == cookie && buffer[0] & 7 == 4 {
            return read(&buffer[..LENGTH], sent, heard);
        }
    }
}

fn since(begun: Instant) -> TimeDelta {
    TimeDelta::from_std(begun.elapsed()).unwrap_or_default()
}

fn read(answer: &[u8], sent: DateTime<Utc>, heard: DateTime<Utc>) -> Result<Offset, Trouble> {
    let stratum = answer[1];
    if stratum == 0 {
        return Err(Trouble::Refused(String::from_utf8_lossy(&answer[12..16]).into_owned()));
    }
    let (received, answered) = (instant(&answer[32..40], sent), instant(&answer[40..48], sent));
    let (Some(received), Some(answered)) = (received, answered) else { return Err(Trouble::NotSet) };
    if answer[0] >> 6 == 3 || stratum > 15 {
        return Err(Trouble::NotSet);
    }
    let way = ((heard - sent) - (answered - received)).max(TimeDelta::zero());
    Ok(Offset {
        by: ((received - sent) + (answered - heard)) / 2,
        error: way / 2 + short(&answer[4..8]) / 2 + short(&answer[8..12]),
        stratum,
    })
}

/// A time of NTP, in the era that is nearest to this machine's; none where it is not set.
fn instant(bytes: &[u8], near: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let seconds = i64::from(u32::from_be_bytes(bytes[..4].try_into().ok()?));
    let fraction = i64::from(u32::from_be_bytes(bytes[4..].try_into().ok()?));
    if seconds == 0 && fraction == 0 {
        return None;
    }
    let era = 1_i64 << 32;
    let seconds = seconds - FROM_1900;
    let eras = (near.timestamp() - seconds + era / 2).div_euclid(era);
    let nanos = u32::try_from((fraction * 1_000_000_000) >> 32).ok()?;
    DateTime::from_timestamp(seconds + eras * era, nanos)
}

/// Seconds and their fraction in 16 bits each.
fn short(bytes: &[u8]) -> TimeDelta {
    let both = bytes.try_into().map_or(u32::MAX, u32::from_be_bytes);
    TimeDelta::nanoseconds((i64::from(both) * 1_000_000_000) >> 16)
}

#[cfg(test)]
pub mod tests {
    use std::net::UdpSocket;
    use std::thread;

    use super::*;

    /// A server whose clock is off by so much from the real one.
    pub fn server(off: TimeDelta, change: impl Fn(&mut [u8]) + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut asked = [0; LENGTH];
            while let Ok((_, from)) = socket.recv_from(&mut asked) {
                #[expect(clippy::disallowed_methods, reason = "the clock of the test's server")]
                let time = bytes(Utc::now() + off);
                let mut answer = [0; LENGTH];
                answer[0] = 0b00_100_100;
                answer[1] = 2;
                answer[24..32].copy_from_slice(&asked[40..]);
                answer[32..40].copy_from_slice(&time);
                answer[40..].copy_from_slice(&time);
                change(&mut answer);
                let _ = socket.send_to(&answer, from);
            }
        });
        at
    }

    fn bytes(at: DateTime<Utc>) -> [u8; 8] {
        let seconds = u32::try_from((at.timestamp() + FROM_1900) & 0xffff_ffff).unwrap();
        let fraction = u32::try_from((u64::from(at.timestamp_subsec_nanos()) << 32) / 1_000_000_000).unwrap();
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&fraction.to_be_bytes());
        bytes
    }

    fn asked(server: SocketAddr) -> Result<Offset, Trouble> {
        #[expect(clippy::disallowed_methods, reason = "the real clock")]
        let now = Utc::now();
        ask(server, now, Instant::now(), Duration::from_millis(500))
    }

    #[test]
    fn the_difference_to_a_real_server_is_measured() {
        for off in [TimeDelta::zero(), TimeDelta::seconds(90), TimeDelta::milliseconds(-1_500)] {
            let found = asked(server(off, |_| ())).unwrap();
            assert!((found.by - off).abs() <= found.error + TimeDelta::milliseconds(50), "{off}: {found:?}");
            assert_eq!(found.stratum, 2);
        }
    }

    #[test]
    fn what_a_server_doubts_itself_is_part_of_the_error() {
        let found = asked(server(TimeDelta::zero(), |answer| answer[8..12].copy_from_slice(&[0, 2, 0x80, 0]))).unwrap();
        assert!(
            found.error >= TimeDelta::milliseconds(2_500) && found.error < TimeDelta::milliseconds(3_500),
            "{found:?}"
        );
    }

    #[test]
    fn a_server_that_is_not_set_or_does_not_want_to_is_not_believed() {
        assert!(matches!(asked(server(TimeDelta::zero(), |answer| answer[0] |= 0b11_000_000)), Err(Trouble::NotSet)));
        assert!(matches!(asked(server(TimeDelta::zero(), |answer| answer[1] = 16)), Err(Trouble::NotSet)));
        let refused = asked(server(TimeDelta::zero(), |answer| {
            answer[1] = 0;
            answer[12..16].copy_from_slice(b"RATE");
        }));
        assert!(matches!(&refused, Err(Trouble::Refused(why)) if why == "RATE"), "{refused:?}");
    }

    #[test]
    fn a_forged_answer_is_passed_over() {
        let said = asked(server(TimeDelta::zero(), |answer| answer[24] ^= 1));
        assert!(
            matches!(&said, Err(Trouble::Io(error)) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock)),
            "{said:?}"
        );
    }

    #[test]
    fn the_count_of_seconds_begins_anew_in_2036_and_nobody_notices() {
        for text in
            ["1999-12-31T23:59:59.5Z", "2036-02-07T06:28:15.25Z", "2036-02-07T06:28:16.75Z", "2090-01-01T00:00:00Z"]
        {
            let at: DateTime<Utc> = text.parse().unwrap();
            let read = instant(&bytes(at), at + TimeDelta::days(20)).unwrap();
            assert!((read - at).abs() < TimeDelta::microseconds(1), "{text} {read}");
        }
    }
}
