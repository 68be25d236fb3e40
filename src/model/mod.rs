//! What a runbook means, typed.
