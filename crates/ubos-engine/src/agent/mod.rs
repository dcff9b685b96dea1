//! The far half: a [`LocalEndpoint`](crate::endpoint::local::LocalEndpoint) behind frames, on
//! standard input and output. No logic lives here that the local endpoint lacks.

pub mod channel;
pub mod content;
pub mod frame;
pub mod handshake;
pub mod message;
pub mod serve;
