//! Tests of the decisions, one module for each room.

mod commit_model;
mod laws;
mod scenarios;
mod world;
