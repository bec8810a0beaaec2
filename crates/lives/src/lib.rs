//! Lives: start, change, stop, and who may do what with them.
