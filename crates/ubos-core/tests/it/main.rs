//! Tests of the decisions, one module for each room.

mod laws;
mod scenarios;
mod world;
