//! Processes: looks, and changes under a supervisor.
