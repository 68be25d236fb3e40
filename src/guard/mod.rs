//! What must not change: measured, compared, copied, put back.
