//! Labs: throw-away copies to drill in.
