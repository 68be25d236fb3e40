//! Text itself: widths, names, sanitizer, redactor.
