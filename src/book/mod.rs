//! Pages of the book, as Markdown.
