//! Tests of the crate from outside, as one program.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should fail")]

mod manifest_reading;
mod selection_explained;
mod selection_laws;
mod selection_tables;
mod sketches;
