//! What a lab prints before it is ready.

use indexmap::IndexMap;

use super::LabError;

/// One line of a lab.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    Input {
        name: String,
        value: String,
    },
    Ready,
    /// Anything else is for the log.
    Talk,
}

impl Word {
    pub fn read(line: &str) -> Self {
        let is_name = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
        };
        match line.split_once('=') {
            Some((name, value)) if is_name(name) => Self::Input { name: name.to_owned(), value: value.to_owned() },
            _ if line == "ready" => Self::Ready,
            _ => Self::Talk,
        }
    }
}

/// Takes an input up; a lab that contradicts itself or prints control characters is not to be used.
pub(super) fn take(inputs: &mut IndexMap<String, String>, name: String, value: String) -> Result<(), LabError> {
    let bad = |reason| LabError::Line { line: format!("{name}={value}").escape_debug().to_string(), reason };
    if value.chars().any(|letter| letter.is_control() || letter == char::REPLACEMENT_CHARACTER) {
        return Err(bad("a value is one line of printable text"));
    }
    if inputs.contains_key(&name) {
        return Err(bad("this name has a value already"));
    }
    inputs.insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_told_from_talk() {
        let input = |name: &str, value: &str| Word::Input { name: name.to_owned(), value: value.to_owned() };
        assert_eq!(Word::read("pki=/srv/p k=i"), input("pki", "/srv/p k=i"));
        assert_eq!(Word::read("a-b_2="), input("a-b_2", ""));
        assert_eq!(Word::read("ready"), Word::Ready);
        for talk in ["", "ready ", " ready", "making a=b", "=x", "2a=x", "read the log"] {
            assert_eq!(Word::read(talk), Word::Talk, "{talk}");
        }
    }

    #[test]
    fn a_name_has_one_value_and_no_control_characters() {
        let mut inputs = IndexMap::new();
        take(&mut inputs, "a".into(), "1".into()).unwrap();
        assert!(take(&mut inputs, "a".into(), "2".into()).unwrap_err().to_string().contains("`a=2`"));
        let said = take(&mut inputs, "b".into(), "\u{1b}[2J".into()).unwrap_err().to_string();
        assert!(said.contains("printable") && !said.contains('\u{1b}'), "{said}");
        assert_eq!(inputs.len(), 1);
    }
}
