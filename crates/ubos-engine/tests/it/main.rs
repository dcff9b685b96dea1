//! The engine from outside: what every endpoint owes, what no peer may do, and what damaged state
//! must never be taken for.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod audit_integrity;
mod audit_report;
mod conformance;
mod hostile_agent;
mod hostile_peer;
mod hostile_plans;
mod inventory;
mod operations;
mod packs;
mod partial_scan;
mod put_back;
mod questions;
mod requests;
mod state_damage;
mod subject;
mod watching;
