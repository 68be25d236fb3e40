//! Messages of DNS as bytes (RFC 1035): one question, and the addresses and aliases of its answer.

use std::net::IpAddr;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    A,
    Aaaa,
}

impl Sort {
    const fn code(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Aaaa => 28,
        }
    }
}

/// An answer, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// 0 for "here it is", 3 for "there is no such name".
    pub code: u8,
    /// It did not fit: ask again over TCP.
    pub cut: bool,
    pub addresses: Vec<IpAddr>,
    /// Names that the asked one is an alias for, in the order of the answer.
    pub aliases: Vec<String>,
    /// How long it may be kept, in seconds; the least of all records.
    pub ttl: Option<u32>,
}

/// A question; none where the name cannot stand in DNS.
pub fn question(id: u16, name: &str, sort: Sort) -> Option<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Recursion is wanted, one question, no records.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend(labels(name)?);
    bytes.extend(sort.code().to_be_bytes());
    bytes.extend([0, 1]);
    Some(bytes)
}

fn labels(name: &str) -> Option<Vec<u8>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut bytes = Vec::new();
    for label in name.split('.') {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if label.is_empty() || !label.bytes().all(known) {
            return None;
        }
        bytes.push(u8::try_from(label.len()).ok().filter(|length| *length < 64)?);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    (bytes.len() <= 255).then_some(bytes)
}

/// Reads the answer to a question; none where it is damaged, or the answer to something else.
pub fn answer(bytes: &[u8], question: &[u8]) -> Option<Answer> {
    let mut reader = Reader { bytes, at: 0 };
    let id = reader.u16()?;
    let flags = reader.u16()?;
    let counts = [reader.u16()?, reader.u16()?];
    reader.skip(4)?;
    let asked = question.get(12..)?;
    let same = bytes.get(12..12 + asked.len()).is_some_and(|found| found.eq_ignore_ascii_case(asked));
    let mine = question.starts_with(&id.to_be_bytes()) && flags & 0x8000 != 0 && counts[0] == 1;
    if !(same && mine) {
        return None;
    }
    reader.skip(asked.len())?;
    let cut = flags & 0x0200 != 0;
    let code = u8::try_from(flags & 0xf).ok()?;
    let mut answer = Answer { code, cut, addresses: Vec::new(), aliases: Vec::new(), ttl: None };
    if cut {
        return Some(answer);
    }
    for _ in 0..counts[1] {
        reader.record(&mut answer)?;
    }
    Some(answer)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(|_| ())
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn record(&mut self, answer: &mut Answer) -> Option<()> {
        self.name()?;
        let (sort, class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let length = usize::from(self.u16()?);
        let start = self.at;
        match (class, sort, length) {
            (1, 1, 4) => answer.addresses.push(IpAddr::from(<[u8; 4]>::try_from(self.take(4)?).ok()?)),
            (1, 28, 16) => answer.addresses.push(IpAddr::from(<[u8; 16]>::try_from(self.take(16)?).ok()?)),
            (1, 5, _) => answer.aliases.push(self.name()?),
            _ => {}
        }
        answer.ttl = Some(answer.ttl.map_or(ttl, |least| least.min(ttl)));
        self.at = start.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        Some(())
    }

    /// A name, its parts possibly elsewhere in the message. A pointer leads backwards only, so it ends.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut after) = (self.at, None);
        loop {
            let length = *self.bytes.get(at)?;
            match length {
                0 => break,
                1..64 => {
                    let label = self.bytes.get(at + 1..at + 1 + usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(&String::from_utf8_lossy(label));
                    at += 1 + usize::from(length);
                }
                192.. => {
                    let target = usize::from(length & 0x3f) << 8 | usize::from(*self.bytes.get(at + 1)?);
                    after.get_or_insert(at + 2);
                    if target >= at {
                        return None;
                    }
                    at = target;
                }
                _ => return None,
            }
            if name.len() > 255 {
                return None;
            }
        }
        self.at = after.unwrap_or(at + 1);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer to `question` with records as bytes.
    pub fn reply(question: &[u8], flags: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut bytes = question.to_vec();
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[6..8].copy_from_slice(&u16::try_from(records.len()).unwrap().to_be_bytes());
        bytes.extend(records.concat());
        bytes
    }

    const ADDRESS: &[u8] = &[0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0, 0, 7];

    #[test]
    fn a_name_that_cannot_be_asked_for_is_none() {
        for name in ["", ".", "a..b", "a b", "ü.example", &"a".repeat(64), &"abc.".repeat(80)] {
            assert_eq!(question(1, name, Sort::A), None, "{name}");
        }
        assert_eq!(question(0x0102, "a.bc.", Sort::Aaaa).unwrap()[12..], [1, b'a', 2, b'b', b'c', 0, 0, 28, 0, 1]);
    }

    #[test]
    fn addresses_and_aliases_are_read_through_pointers() {
        let asked = question(7, "riki.example", Sort::A).unwrap();
        let alias = [&[0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 6, 3][..], b"web", &[0xc0, 17]].concat();
        let said = answer(&reply(&asked, 0x8180, &[&alias, ADDRESS]), &asked).unwrap();
        assert_eq!(said.addresses, ["10.0.0.7".parse::<IpAddr>().unwrap()]);
        assert_eq!((said.aliases, said.ttl, said.code), (vec!["web.example".to_owned()], Some(60), 0));
    }

    #[test]
    fn the_answer_to_another_question_is_not_taken() {
        let asked = question(7, "riki.example", Sort::A).unwrap();
        let good = reply(&asked, 0x8180, &[ADDRESS]);
        assert!(answer(&good, &asked).is_some());
        assert_eq!(answer(&good, &question(8, "riki.example", Sort::A).unwrap()), None, "another id");
        assert_eq!(answer(&good, &question(7, "mio.example", Sort::A).unwrap()), None, "another name");
        assert_eq!(answer(&reply(&asked, 0x0180, &[ADDRESS]), &asked), None, "no answer at all");
        assert_eq!(answer(&good[..good.len() - 1], &asked), None, "not whole");
    }

    #[test]
    fn what_did_not_fit_is_told_before_its_records() {
        let asked = question(7, "riki.example", Sort::A).unwrap();
        let cut = reply(&asked, 0x8380, &[&ADDRESS[..5]]);
        assert!(answer(&cut, &asked).unwrap().cut);
    }

    #[test]
    fn a_pointer_to_itself_is_damage() {
        let asked = question(7, "riki.example", Sort::A).unwrap();
        let at = u8::try_from(asked.len()).unwrap();
        let own = [0xc0, at, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(answer(&reply(&asked, 0x8180, &[&own]), &asked), None);
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let asked = question(7, "riki.example", Sort::A).unwrap();
            let _ = answer(&bytes, &asked);
            let _ = answer(&reply(&asked, 0x8180, &[&bytes]), &asked);
        }
    }
}
