//! From a key to what it asks for. The keys of a card are its own ([`crate::view::KeyHint`]); here are those of the
//! screen itself, in one table from which the help is made too.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::Overlay;

/// What a key asks of the screen itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The step before, or a line up.
    Up,
    /// The step behind, or a line down.
    Down,
    PageUp,
    PageDown,
    Start,
    End,
    /// Close what lies over the card, go back to where the run stands.
    Back,
    /// Show the map, where it is not always shown.
    Map,
    Search,
    NextHit,
    PreviousHit,
    /// Watch on.
    Watch,
    /// Stop what runs: it is asked for again.
    Stop,
    /// Leave all the same.
    LeaveNow,
}

/// Where a key of the screen is valid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Card,
    Output,
    Interrupt,
    Leave,
    All,
}

/// Key as written, what it does, what it asks for, where.
const TABLE: &[(&str, &str, Move, At)] = &[
    ("Up", "the step before, or a line up", Move::Up, At::All),
    ("k", "the same", Move::Up, At::All),
    ("Down", "the step behind, or a line down", Move::Down, At::All),
    ("j", "the same", Move::Down, At::All),
    ("Space", "page down", Move::PageDown, At::All),
    ("PgDn", "the same", Move::PageDown, At::All),
    ("PgUp", "page up", Move::PageUp, At::All),
    ("b", "the same", Move::PageUp, At::All),
    ("Home", "to the start", Move::Start, At::All),
    ("End", "to the end", Move::End, At::All),
    ("v", "the map, on a narrow screen", Move::Map, At::Card),
    ("/", "search the output", Move::Search, At::Output),
    ("n", "next place found", Move::NextHit, At::Output),
    ("N", "the one before", Move::PreviousHit, At::Output),
    ("o", "close", Move::Back, At::Output),
    ("q", "close", Move::Back, At::Output),
    ("w", "watch it, it goes on", Move::Watch, At::Interrupt),
    ("s", "stop it (asked again)", Move::Stop, At::Interrupt),
    ("y", "leave all the same; what runs goes on without the screen", Move::LeaveNow, At::Leave),
    ("Esc", "back", Move::Back, At::All),
];

/// The key as the tables write it.
pub fn name(key: KeyEvent) -> Option<String> {
    if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
        return None;
    }
    Some(match key.code {
        KeyCode::Enter => "Enter".to_owned(),
        KeyCode::Esc => "Esc".to_owned(),
        KeyCode::Up => "Up".to_owned(),
        KeyCode::Down => "Down".to_owned(),
        KeyCode::PageUp => "PgUp".to_owned(),
        KeyCode::PageDown => "PgDn".to_owned(),
        KeyCode::Home => "Home".to_owned(),
        KeyCode::End => "End".to_owned(),
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(letter) => letter.to_string(),
        _ => return None,
    })
}

/// Ctrl-C.
pub fn is_interrupt(key: KeyEvent) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c')
}

/// What a key asks of the screen, with what lies over the card.
pub fn read(name: &str, overlay: Overlay) -> Option<Move> {
    let here = at(overlay);
    TABLE.iter().find(|(key, _, _, at)| *key == name && (*at == here || *at == At::All)).map(|(_, _, what, _)| *what)
}

/// The keys of the screen that are valid, for the help.
pub fn valid(overlay: Overlay) -> Vec<(&'static str, &'static str)> {
    let here = at(overlay);
    let own = TABLE.iter().filter(|(_, _, _, at)| *at == here || *at == At::All);
    own.map(|(key, what, _, _)| (*key, *what))
        .chain([("Ctrl-C", "ends nothing; what runs can be watched or stopped")])
        .collect()
}

const fn at(overlay: Overlay) -> At {
    match overlay {
        Overlay::Output => At::Output,
        Overlay::Interrupt => At::Interrupt,
        Overlay::Leave => At::Leave,
        Overlay::None | Overlay::Help | Overlay::WayBack | Overlay::Map => At::Card,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode) -> Option<String> {
        name(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn keys_are_named_as_the_cards_write_them() {
        assert_eq!(key(KeyCode::Enter).as_deref(), Some("Enter"));
        assert_eq!(key(KeyCode::Char('y')).as_deref(), Some("y"));
        assert_eq!(key(KeyCode::Char(' ')).as_deref(), Some("Space"));
        assert_eq!(key(KeyCode::F(1)), None);
    }

    #[test]
    fn with_control_a_letter_is_no_key() {
        let ctrl = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        assert_eq!(name(ctrl('y')), None);
        assert!(is_interrupt(ctrl('c')));
        assert!(!is_interrupt(ctrl('d')));
    }

    #[test]
    fn the_same_letter_means_what_lies_on_top() {
        assert_eq!(read("n", Overlay::Output), Some(Move::NextHit));
        assert_eq!(read("n", Overlay::None), None, "on a card `n` belongs to the card");
        assert_eq!(read("s", Overlay::Interrupt), Some(Move::Stop));
        assert_eq!(read("y", Overlay::Leave), Some(Move::LeaveNow));
        assert_eq!(read("y", Overlay::None), None);
    }

    #[test]
    fn every_key_of_the_screen_is_in_its_help() {
        let keys: Vec<_> = valid(Overlay::Output).into_iter().map(|(key, _)| key).collect();
        for key in ["Up", "/", "n", "N", "Esc", "Ctrl-C"] {
            assert!(keys.contains(&key), "{key}");
        }
        assert!(!keys.contains(&"w"));
    }
}
