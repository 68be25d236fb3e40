//! Where runbooks are found.
