//! The record of a run for people: Markdown.
