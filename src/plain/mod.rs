//! The same session as a transcript.
