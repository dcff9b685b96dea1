//! From values to text and JSON. Nothing here reads or decides.

pub(crate) mod doctor;
pub(crate) mod json;
pub(crate) mod run;
