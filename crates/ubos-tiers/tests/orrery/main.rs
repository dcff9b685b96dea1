//! The exported page in a real browser, without a window: what people see and do.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod browser;
mod frames;
mod hostile;
mod keys;
mod loading;
mod looking;
mod vault;
