//! Wall time for people, boot time for durations.

use chrono::{DateTime, SecondsFormat, Utc};
use rustix::time::{ClockId, clock_gettime};

use crate::engine::record::Moment;

/// Where time comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(self) -> DateTime<Utc> {
        Utc::now()
    }

    /// Both clocks at once, with the boot they belong to.
    pub fn moment(self) -> Moment {
        Moment {
            t: self.now().to_rfc3339_opts(SecondsFormat::Millis, true),
            mono: milliseconds_since_boot(),
            boot: boot_id(),
        }
    }
}

#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::Monotonic;

/// Milliseconds since the machine started, sleep included where the system counts it.
pub fn milliseconds_since_boot() -> u64 {
    let time = clock_gettime(SINCE_BOOT);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
}

/// The boot of the kernel, where it can be told.
pub fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}
