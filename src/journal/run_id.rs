//! The name of a run: short enough to say over the telephone, and safe as the name of a folder.

use chrono::{Datelike, NaiveDate};

use super::JournalError;

/// Crockford's letters: no `i`, `l`, `o` and `u`, which are mistaken for others when read or heard.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new name such as `7f3a-k2`: twenty random bits, then the day.
///
/// The random part comes first so that two runs of one day differ where the eye looks first; the day (it comes
/// round after 1,024) keeps the names of different days apart.
pub fn new_run_id(random: [u8; 4], date: NaiveDate) -> String {
    let random = u32::from_le_bytes(random);
    let day = date.num_days_from_ce().cast_unsigned();
    let letter = |bits: u32| char::from(LETTERS[(bits & 31) as usize]);
    let first: String = [15, 10, 5, 0].into_iter().map(|shift| letter(random >> shift)).collect();
    format!("{first}-{}{}", letter(day >> 5), letter(day))
}

/// A name that can be a part of a path and nothing else.
pub(super) fn check_name(what: &'static str, name: &str) -> Result<(), JournalError> {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !name.is_empty() && name.len() <= 64 && !name.starts_with('-') && name.bytes().all(letters) {
        Ok(())
    } else {
        Err(JournalError::Name { what, found: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    #[test]
    fn a_run_id_is_short_and_has_no_letters_that_look_alike() {
        for seed in 0..2000_u32 {
            let id = new_run_id(seed.wrapping_mul(2_654_435_761).to_le_bytes(), day(25));
            assert_eq!((id.len(), id.find('-')), (7, Some(4)), "{id}");
            assert!(!id.contains(['i', 'l', 'o', 'u']), "{id}");
            check_name("run", &id).unwrap();
        }
    }

    #[test]
    fn the_random_part_and_the_day_both_count() {
        assert_ne!(new_run_id([1, 2, 3, 4], day(25)), new_run_id([2, 2, 3, 4], day(25)));
        assert_ne!(new_run_id([1, 2, 3, 4], day(25)), new_run_id([1, 2, 3, 4], day(26)));
        assert_eq!(new_run_id([0; 4], day(25))[..5], *"0000-");
    }

    #[test]
    fn a_name_is_never_a_path() {
        for bad in ["", ".", "..", "a/b", "/a", "a.b", "A", "a b", "-rf", "é", "a\0", &"a".repeat(65)] {
            assert!(check_name("run", bad).is_err(), "{bad:?}");
        }
    }
}
