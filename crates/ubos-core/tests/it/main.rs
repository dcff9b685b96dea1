//! Tests of the decisions from outside, one module for each room.

#![allow(clippy::unwrap_used, reason = "a test that cannot set itself up should fail")]

mod commit_model;
mod commit_protocol;
mod laws;
mod limits;
mod manifest_reading;
mod merging;
mod scenarios;
mod selection_explained;
mod selection_laws;
mod selection_tables;
mod sketches;
mod world;
