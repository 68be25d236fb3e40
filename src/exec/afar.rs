//! What is known of a command on another machine besides its output and its code: how often the line was lost, what it
//! left running there, and how a way back ended that is armed over there. It outlives the screen, in a file of its own.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::armed::Disarmed;
use super::facts::{Ending, Leftover, cut};

/// The longest command line that is kept, in bytes.
const LONGEST: usize = 100;

/// What came over the line besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Afar {
    /// How often the line was lost while the command ran.
    #[serde(default)]
    pub lost: u32,
    /// What still runs there.
    #[serde(default)]
    pub left: Vec<Leftover>,
    /// It was to be ended, and the machine could not be asked to.
    #[serde(default)]
    pub not_told: bool,
    /// How the armed way back ended.
    #[serde(default)]
    pub armed: Option<Disarmed>,
}

impl Afar {
    /// What was written; nothing where there is nothing, or it is damaged.
    pub fn read(path: &Path) -> Self {
        std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Writes it over what was there; the disk may be full, and the command goes on all the same.
    pub(super) fn write(&self, path: &Path) {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let new = path.with_extension("there-new");
        let open = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new);
        let written = open.and_then(|mut file| {
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()
        });
        let _ = written.and_then(|()| std::fs::rename(&new, path));
    }

    /// Takes a word of the wrapper in; says whether it was one.
    pub(super) fn hear(&mut self, word: &str, filter: &dyn Fn(&str) -> String) -> bool {
        let (name, rest) = word.split_once(' ').unwrap_or((word, ""));
        match name {
            "left" => {
                let (pid, command) = rest.split_once(' ').unwrap_or((rest, ""));
                let mut command = filter(command.trim_end());
                cut(&mut command, LONGEST);
                if let Ok(pid) = pid.parse() {
                    self.left.push(Leftover { pid, command });
                }
            }
            "armed" => self.armed = disarmed(rest),
            "back" => {
                if let Some(Disarmed::WentBack { code, reason, .. }) = &mut self.armed
                    && *code != Some(0)
                {
                    let mut said = filter(rest.trim());
                    cut(&mut said, LONGEST);
                    *reason = (!said.is_empty()).then_some(said);
                }
            }
            _ => return false,
        }
        true
    }
}

/// The end of the dead man there: a code, and what was decided.
fn disarmed(words: &str) -> Option<Disarmed> {
    let (code, verdict) = words.split_once(' ')?;
    let (word, rest) = verdict.trim().split_once(' ')?;
    match word {
        "confirmed" => Some(Disarmed::Confirmed { by: rest.to_owned() }),
        "back" => {
            let code = code.parse().ok();
            Some(Disarmed::WentBack { why: rest.to_owned(), result: Ending::Exited, code, signal: None, reason: None })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(words: &[&str]) -> Afar {
        let mut afar = Afar::default();
        for word in words {
            assert!(afar.hear(word, &|text| text.replace("hunter2", "*")), "{word}");
        }
        afar
    }

    #[test]
    fn what_is_left_there_is_kept_without_secrets() {
        let afar = heard(&["left 7 sleep 9 --token hunter2", "left x nothing"]);
        assert_eq!(afar.left, [Leftover { pid: 7, command: "sleep 9 --token *".into() }]);
        assert!(!Afar::default().hear("end 0", &str::to_owned));
    }

    #[test]
    fn the_end_of_a_dead_man_is_a_confirmation_or_a_way_back_with_its_code() {
        let by = heard(&["armed 0 confirmed pepe, from 10.0.0.1 port 5"]).armed;
        assert_eq!(by, Some(Disarmed::Confirmed { by: "pepe, from 10.0.0.1 port 5".into() }));
        let back = heard(&["armed 3 back nobody confirmed within 6 s", "back no such rule"]).armed;
        let Some(Disarmed::WentBack { why, code, reason, .. }) = back else { panic!("it went back") };
        assert_eq!((why.as_str(), code), ("nobody confirmed within 6 s", Some(3)));
        assert_eq!(reason.as_deref(), Some("no such rule"));
        assert_eq!(heard(&["armed x"]).armed, None);
    }

    #[test]
    fn it_is_read_again_and_what_is_damaged_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1-4-ab.there");
        assert_eq!(Afar::read(&path), Afar::default());
        let afar = Afar { lost: 2, not_told: true, ..Afar::default() };
        afar.write(&path);
        assert_eq!(Afar::read(&path), afar);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(&path, "{").unwrap();
        assert_eq!(Afar::read(&path), Afar::default());
    }
}
