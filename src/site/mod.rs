//! The book as a site, built in-process with mdBook.
