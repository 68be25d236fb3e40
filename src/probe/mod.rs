//! Built-in probes: certificate, tcp, file.
