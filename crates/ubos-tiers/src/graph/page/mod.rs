//! The orrery: the graph as one HTML page that needs nothing else, no network, no server, no program
//! but a browser.
//!
//! [`data`] says what the page shows, as a value; `settings` reads the vault's own settings of its
//! graph view, whose queries `query` understands; [`assemble`] puts data, style and programs (`web/` of
//! this crate) into one text. What comes out depends on what goes in alone.

mod assemble;
mod data;
mod preview;
mod query;
mod settings;

pub use assemble::assemble;
pub use data::{Data, Input, data};
pub use settings::Settings;
