//! The driver: where engine, journal, exec, probe, guard and host meet.
