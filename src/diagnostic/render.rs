//! Renderers: full (as rustc draws it), concise (one line), json.
