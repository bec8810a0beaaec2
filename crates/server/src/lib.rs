//! Wiring: configuration, HTTP, shutdown, the command line, the embedded pages.
