//! The screens of the session, as a person sees them.
