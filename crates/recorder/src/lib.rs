//! Bodies on storage: append, make durable, recover, read.
