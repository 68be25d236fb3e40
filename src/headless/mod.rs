//! The same session without a person.
