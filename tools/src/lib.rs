//! Being built.
pub mod whatsapp;
