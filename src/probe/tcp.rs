//! Does anybody listen at a port?

use std::time::{Duration, Instant};

use super::net::{Unreached, connect};
use super::words::span;
use super::{Probed, Verdict};

/// Connects and hangs up; says nothing to the other side.
pub fn look(at: &str, open: bool, within: Duration) -> Probed {
    let verdict = |found: bool| if found == open { Verdict::Ok } else { Verdict::Fault };
    let start = Instant::now();
    match connect(at, within) {
        Ok(_) => {
            let took = start.elapsed();
            let mut probed = Probed::new(verdict(true), format!("{at} answers, after {}", span(took)));
            probed.values.insert("milliseconds".to_owned(), took.as_millis().to_string());
            probed
        }
        Err(reason @ (Unreached::Refused(_) | Unreached::Silent(..))) => {
            Probed::new(verdict(false), reason.to_string())
        }
        Err(reason) => Probed::new(Verdict::CannotTell, reason.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(2);

    #[test]
    fn an_open_port_is_good_or_bad_as_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap().to_string();
        assert_eq!(look(&at, true, LIMIT).verdict, Verdict::Ok);
        assert_eq!(look(&at, false, LIMIT).verdict, Verdict::Fault);
        drop(listener);
        assert_eq!(look(&at, true, LIMIT).verdict, Verdict::Fault);
        assert_eq!(look(&at, false, LIMIT).verdict, Verdict::Ok);
    }

    #[test]
    fn what_is_no_address_cannot_be_told() {
        let said = look("kyousuke", false, LIMIT);
        assert_eq!((said.verdict, said.lines), (Verdict::CannotTell, vec!["`kyousuke` is not `host:port`".to_owned()]));
    }
}
