//! The JSON Schema of the format, from the same tables the loader reads.
